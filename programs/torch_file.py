"""The fixed parts of an exported file: helpers that some rules need, and the class with its training loop."""

from __future__ import annotations

from programs.matrix import NEWTON_SCHULZ, NEWTON_SCHULZ_EPS, NEWTON_SCHULZ_STEPS
from programs.ops import OPS
from programs.show import number

ON_NUMBERS = '''\
def on_numbers(function: Callable[..., Tensor]) -> Callable[..., float]:
    """Let `function` take and return plain numbers, with infinity or NaN where Python would raise an error."""
    return lambda *args: function(*(torch.tensor(arg, dtype=torch.float64) for arg in args)).item()'''

AS_MATRIX = '''\
def as_matrix(x: Tensor) -> Tensor:
    """The first axis by all others; a vector or a single number is one row."""
    return x.flatten(1) if x.dim() > 1 else x.reshape(1, -1)'''

ORTHOGONALIZE = f'''\
def orthogonalize(x: Tensor) -> Tensor:
    """Push the singular values of `x` towards 1, as a matrix of its first axis by all others; a vector is one row.

    {NEWTON_SCHULZ_STEPS} Newton-Schulz steps, as in Muon (Jordan et al. 2024).
    """
    a, b, c = {", ".join(map(str, NEWTON_SCHULZ))}
    matrix = x.flatten(1) if x.dim() > 1 else x.reshape(1, -1)
    tall = matrix.shape[0] > matrix.shape[1]
    y = matrix.mT if tall else matrix
    y = y / (torch.sqrt(torch.square(y).sum()) + {number(NEWTON_SCHULZ_EPS)})
    for _ in range({NEWTON_SCHULZ_STEPS}):
        gram = y @ y.mT
        y = a * y + (b * gram + c * gram @ gram) @ y
    return (y.mT if tall else y).reshape(x.shape)'''

INVERSE_ROOT = '''\
def inverse_root(x: Tensor, p: Tensor | float, eps: Tensor | float) -> Tensor:
    """(x + eps * identity) ** (-1 / p) of a symmetric matrix, as in Shampoo (Gupta et al. 2018)."""
    if not torch.isfinite(x).all():
        return torch.full_like(x, torch.nan)
    precise = x if x.dtype == torch.float64 else x.float()
    scale = torch.exp2(torch.frexp(precise.abs().amax()).exponent.to(precise.dtype) - 1)
    values, vectors = torch.linalg.eigh(precise / scale)
    power = -1.0 / torch.as_tensor(p, dtype=values.dtype, device=values.device)
    powers = torch.pow(torch.clamp(values * scale, min=0.0) + eps, power)
    return ((vectors * powers) @ vectors.mT).to(x.dtype)'''

_NORM = "torch.sqrt((yield torch.square({0}).sum()).sum())"
_COSINE = f"""\
x, y = torch.broadcast_tensors(x, y)
    norms = {_NORM.format("x")} * {_NORM.format("y")}
    return (yield (x * y).sum()).sum() / norms"""
_CLIP = f"""\
norm = {_NORM.format("x")}
    return x * torch.clamp(c / norm, max=1.0)"""
_WHOLE: dict[str, tuple[str, str]] = {
    "global_sum": ("x: Tensor", "return (yield x.sum()).sum()"),
    "global_mean": ("x: Tensor", "return (yield x.sum()).sum() / (yield x.new_tensor(x.numel())).sum()"),
    "global_norm": ("x: Tensor", f"return {_NORM.format('x')}"),
    "global_max": ("x: Tensor", "return (yield x.amax()).amax()"),
    "global_min": ("x: Tensor", "return (yield x.amin()).amin()"),
    "global_dot": ("x: Tensor, y: Tensor", "return (yield (x * y).sum()).sum()"),
    "cosine_sim": ("x: Tensor, y: Tensor", _COSINE),
    "clip_by_global_norm": ("x: Tensor, c: Tensor | float", _CLIP),
}


def whole(op: str) -> str:
    """The helper that computes an operation over all parameters, which it asks for by `yield`."""
    arguments, body = _WHOLE[op]
    head = f"def {op}({arguments}) -> Generator[Tensor, Tensor, Tensor]:"
    return f'{head}\n    """{OPS[op].doc[0].upper()}{OPS[op].doc[1:]}."""\n    {body}'


IN_LOCKSTEP = '''\
def in_lockstep(rules: list[Generator[Tensor, Tensor, Any]]) -> list[Any]:
    """Run a rule for all parameters side by side: where each yields a number, each is given all of them as a vector."""
    results: list[Any] = []
    yielded = [next(rule) for rule in rules]
    while yielded:
        together = torch.stack([value.to(yielded[0]) for value in yielded])
        following = []
        for rule, value in zip(rules, yielded, strict=True):
            try:
                following.append(rule.send(together.to(value)))
            except StopIteration as end:
                results.append(end.value)
        yielded = following
    return results'''

CURVATURES = '''\
def curvatures(params: list[Tensor]) -> dict[Tensor, Tensor]:
    """Estimate the diagonal of the Hessian for every parameter, z * (H z) for random signs z (Hutchinson)."""
    curved = [p for p in params if p.grad is not None and p.grad.requires_grad]
    if not curved:
        raise RuntimeError("{class_name} needs the curvature: call loss.backward(create_graph=True)")
    signs = [torch.randint_like(p, 2) * 2 - 1 for p in curved]
    with torch.enable_grad():
        gradients = [p.grad for p in curved]
        products = torch.autograd.grad(gradients, curved, signs, allow_unused=True, materialize_grads=True)
    found = {{p: torch.zeros_like(p) for p in params}}
    return found | {{p: z * product for p, z, product in zip(curved, signs, products, strict=True)}}'''

LOCAL = '''\
def local(x: Tensor) -> Tensor:
    """The part of a sharded tensor (FSDP2) that lies here; any other tensor as it is."""
    return getattr(x, "to_local", lambda: x)()'''

ONE_BY_ONE = '''\
def one_by_one({arguments}) -> None:
    """Update parameters and their states in place, one after another."""
    for {elements} in {lists}:
{body}'''

FUSED = '''\
@cache
def fused() -> Callable[..., None]:
    """`one_by_one`, compiled: all parameters of a group in one function."""
    return torch.compile(one_by_one)'''

FOREACH = '''\
def {function}({arguments}) -> None:
    """The same for many parameters at once and in place, by list operations: each list holds a tensor for each."""
{body}'''

PARTS = '''\
def parts(lists: list[list[Tensor]]) -> Iterator[list[list[Tensor]]]:
    """Lists short enough that what is computed on the way stays in the cache of a CPU; elsewhere all at once."""
    if lists[0][0].device.type != "cpu":
        yield lists
        return
    pieces = [piece for tensors in zip(*lists, strict=True) for piece in {pieces}]
    sizes = accumulate(piece[0].numel() for piece in pieces)
    for _, part in groupby(zip(sizes, pieces, strict=True), lambda pair: pair[0] // CACHED):
        yield [list(tensors) for tensors in zip(*(piece for _, piece in part), strict=True)]'''

CUT = '''\
def cut(tensors: tuple[Tensor, ...]) -> list[tuple[Tensor, ...]]:
    """The weights of a large parameter, and all that belongs to them, in pieces: no weight looks at another."""
    if tensors[0].numel() <= CACHED or not all(x.is_contiguous() for x in tensors):
        return [tensors]
    return list(zip(*(x.view(-1).split(CACHED) for x in tensors), strict=True))'''

CACHED = '''\
CACHED = 2**16
"""Numbers of one list that are worked on at a time on a CPU."""'''

CLASS = '''\
class {class_name}(torch.optim.Optimizer):
    """Applies `{function}` to every parameter.

    Args:
{arguments}

    Attributes:
        shardable: {shardable}
    """

    shardable = {is_shardable}

{methods}'''

ADD_PARAM_GROUP = '''\
def add_param_group(self, param_group: dict[str, Any]) -> None:
    """Add parameters with settings of their own, which are checked like those of the constructor."""
    {limits}
    for name, (low, high) in limits.items():
        value = float(param_group.get(name, self.defaults[name]))
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError(f"{{name}} must be a finite number from {{low}} to {{high}}, not {{value}}")
    super().add_param_group(param_group)'''

BATCHES = '''\
def _batches(self) -> Iterator[tuple[dict[str, Any], list[Tensor], dict[str, Any]]]:
    """Parameters that are updated together, with their group and numbers. The first step of one makes its state."""
    for group in self.param_groups:
        batches: dict[Any, list[Tensor]] = {{}}
        for p in group["params"]:
            if p.grad is None or p.numel() == 0:
                continue
            if p.grad.layout is not torch.strided or p.is_complex():
                raise RuntimeError("{class_name} supports neither sparse gradients nor complex parameters")
{update}
        {numbers}
        for {key}, batch in batches.items():
            {result}'''

STEP = '''\
@torch.compiler.disable
@torch.no_grad()
def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
    """Update every parameter that has a gradient. A `closure` first computes the loss anew, which is returned."""
    loss = None
    if closure is not None:
        with torch.enable_grad():
            loss = closure()
{update}
    return loss'''

STEP_WITH_LOSS = STEP.replace(
    '''def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
    """Update every parameter that has a gradient. A `closure` first computes the loss anew, which is returned."""
    loss = None
''',
    '''def step(  # type: ignore[override]
    self, closure: Callable[[], float] | None = None, *, loss: Tensor | float | None = None
) -> Tensor | float | None:
    """Update every parameter that has a gradient, given the loss, or a `closure` that computes it anew."""
''',
).replace(
    "{update}\n",
    """    if loss is None:
        raise ValueError("{class_name} needs the loss: step(loss=loss), or a closure")
{update}
""",
)
