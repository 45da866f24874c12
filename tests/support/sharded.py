"""Two processes that train one model together; run with a file of an exported class, a folder to meet in, and a rank.

Prints one line of JSON: by how much DDP and FSDP2 differ from training in one process, and what a class that cannot be
sharded says.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict, set_optimizer_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from exported import load

STEPS = 4


def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(5, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))


def train(network: torch.nn.Module, optimizer: Any, ranks: Sequence[int], steps: range = range(STEPS)) -> None:
    """Every rank has its own half of each batch; gradients are means over the ranks."""
    for step in steps:
        batch = torch.randn(8, 5, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        network(torch.cat([batch[rank::2] for rank in ranks])).square().mean().backward()
        optimizer.step()


def full(network: torch.nn.Module) -> list[torch.Tensor]:
    return [getattr(p, "full_tensor", lambda p=p: p)().detach() for p in network.parameters()]


def distance(one: torch.nn.Module, other: torch.nn.Module) -> float:
    return max((x - y).abs().max().item() for x, y in zip(full(one), full(other), strict=True))


def main(file: str, folder: str, rank: int) -> dict[str, Any]:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    module = load(Path(file).read_text(encoding="utf-8"))
    alone = model()
    train(alone, module.Exported(alone.parameters(), lr=0.01), ranks=(0, 1))
    parallel = DistributedDataParallel(model())
    train(parallel, module.Exported(parallel.parameters(), lr=0.01), ranks=(rank,))
    found: dict[str, Any] = {"ddp": distance(parallel, alone), "fsdp": None, "resumed": None, "refused": ""}
    sharded = model()
    fully_shard(sharded, mesh=init_device_mesh("cpu", (2,)))
    optimizer = module.Exported(sharded.parameters(), lr=0.01)
    try:
        train(sharded, optimizer, (rank,), range(2))
        saved = copy.deepcopy(get_optimizer_state_dict(sharded, optimizer))
        resumed = module.Exported(sharded.parameters(), lr=0.01)
        set_optimizer_state_dict(sharded, resumed, saved)
        train(sharded, resumed, (rank,), range(2, STEPS))
        found["fsdp"] = distance(sharded, alone)
    except RuntimeError as error:
        found["refused"] = str(error)
    dist.destroy_process_group()
    return found


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], int(sys.argv[3]))))  # noqa: T201 - its answer
