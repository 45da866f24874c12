import torch

from evaluators.curvature import diagonal, signs


def losses(leaves: list[torch.Tensor]) -> torch.Tensor:
    """A different loss in each of two lanes, of a vector and a single number."""
    vector, number = leaves
    per_lane = torch.tensor([1.0, 3.0])
    return per_lane * ((vector**4).sum(dim=1) + vector.prod(dim=1) * number**2)


def test_the_estimate_is_the_vector_times_the_hessian_times_the_vector() -> None:
    vector, number = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.5]]), torch.tensor([0.75, -2.0])
    leaves = [vector.requires_grad_(), number.requires_grad_()]
    chosen = torch.stack([signs(0, 1, 4), signs(1, 1, 4)])
    found = diagonal(losses(leaves), leaves, chosen)
    for lane in range(2):

        def alone(flat: torch.Tensor, lane: int = lane) -> torch.Tensor:
            return losses([flat[:3].repeat(2, 1), flat[3].repeat(2)])[lane]

        flat = torch.cat([vector[lane].detach(), number[lane : lane + 1].detach()]).requires_grad_()
        (gradient,) = torch.autograd.grad(alone(flat), flat, create_graph=True)
        hessian = torch.stack([torch.autograd.grad(slope, flat, retain_graph=True)[0] for slope in gradient])
        assert torch.allclose(found[lane], chosen[lane] * (hessian @ chosen[lane]), rtol=1e-5)


def test_the_mean_over_many_vectors_is_the_diagonal() -> None:
    leaves = [torch.tensor([[0.5, -1.0, 2.0]] * 2).requires_grad_(), torch.tensor([0.75, -2.0]).requires_grad_()]
    drawn = [diagonal(losses(leaves), leaves, signs(3, step, 4).repeat(2, 1)) for step in range(2000)]
    exact = 12 * torch.tensor([0.5, -1.0, 2.0]) ** 2
    assert torch.allclose(torch.stack(drawn).mean(0)[0, :3], exact, atol=0.3)


def test_a_loss_without_curvature_has_none() -> None:
    leaves = [torch.ones(2, 3, requires_grad=True), torch.ones(2, requires_grad=True)]
    assert torch.equal(diagonal(leaves[0].sum(1), leaves[:1], signs(0, 1, 3).repeat(2, 1)), torch.zeros(2, 3))
    found = diagonal((leaves[0] ** 2).sum(1) + leaves[1], leaves, signs(0, 1, 4).repeat(2, 1))
    assert torch.equal(found, torch.tensor([[2.0, 2.0, 2.0, 0.0]] * 2))


def test_the_signs_depend_on_seed_and_step_alone() -> None:
    assert set(signs(0, 1, 1000).tolist()) == {-1.0, 1.0}
    assert torch.equal(signs(0, 1, 64), signs(0, 1, 64))
    assert not torch.equal(signs(0, 1, 64), signs(0, 2, 64))
    assert not torch.equal(signs(0, 1, 64), signs(1, 1, 64))
