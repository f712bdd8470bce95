"""Muon, and the parameter groups of all optimizers."""

import copy

import pytest
import torch
from torch import nn

from skblood.optimizers import Muon, make_optimizer, orthogonalize


def network(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, bias=False),
            nn.BatchNorm2d(4),
            nn.Conv2d(4, 6, 2),
            nn.Flatten(),
            nn.Linear(6 * 5 * 5, 8),
            nn.Linear(8, 2),
        )


def train(module, optimizer, n_steps=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(n_steps):
        images = torch.randn(8, 1, 8, 8, generator=generator)
        optimizer.zero_grad()
        (module(images) ** 2).mean().backward()
        optimizer.step()


def assert_same_parameters(first, second):
    for p, q in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(p, q)


@pytest.mark.parametrize("shape", [(3, 3), (4, 20), (20, 4), (1, 7), (7, 1), (64, 64)])
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e4])
def test_orthogonalize(shape, size):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * size
    result = orthogonalize(matrix)
    assert result.shape == shape
    # The iterations do not bring very small singular values near 1.
    singular_values = torch.linalg.svdvals(result)
    large = torch.linalg.svdvals(matrix) > 0.1 * torch.linalg.matrix_norm(matrix, 2)
    assert singular_values.max() < 1.3
    assert singular_values[large].min() > 0.6
    # The singular vectors are unchanged if result @ matrix.T is symmetric.
    product = result.double() @ matrix.double().T / size
    torch.testing.assert_close(product, product.T, atol=1e-3, rtol=1e-3)


def test_orthogonalize_of_zeros():
    assert torch.equal(orthogonalize(torch.zeros(3, 4)), torch.zeros(3, 4))


@pytest.mark.parametrize("orthogonalize", [True, False])
def test_muon_minimises_a_quadratic(orthogonalize):
    generator = torch.Generator().manual_seed(0)
    target = torch.randn(6, 9, generator=generator)
    weight = nn.Parameter(torch.zeros(6, 9))
    group = {"params": [weight], "weight_decay": 0.0, "orthogonalize": orthogonalize}
    optimizer = Muon([group], lr=0.1)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=100)
    for _ in range(100):
        optimizer.zero_grad()
        loss = ((weight - target) ** 2).mean()
        loss.backward()
        optimizer.step()
        schedule.step()
    assert loss < 0.01 * (target**2).mean()


def test_muon_step_size_does_not_depend_on_the_size_of_the_gradient():
    norms = []
    for size in (1e-3, 1e3):
        weight = nn.Parameter(torch.zeros(6, 9))
        optimizer = Muon([{"params": [weight], "orthogonalize": True}], lr=0.1)
        weight.grad = size * torch.eye(6, 9)
        optimizer.step()
        norms.append(torch.linalg.matrix_norm(weight.detach(), 2))
    torch.testing.assert_close(*norms, rtol=0.01, atol=0)
    assert 0.06 < norms[0] < 0.13


def n_steps_to_turn(weight, optimizer):
    """Return after how many steps the weight follows a gradient that changes its sign.

    The gradient has the same sign for 100 steps before that.
    """

    def step(gradient):
        before = weight.item()
        weight.grad = torch.full((1, 1), gradient)
        optimizer.step()
        return weight.item() - before

    for _ in range(100):
        step(1.0)
    return next(n for n in range(1, 101) if step(-1.0) > 0)


@pytest.mark.parametrize(
    ("options", "at_first", "later"),
    [
        ({}, 4, 13),
        ({"n_rising_steps": 0}, 13, 13),
        ({"momentum": 0.85}, 4, 4),
        ({"momentum": 0.5}, 1, 1),
    ],
)
def test_muon_forgets_gradients_sooner_in_the_first_steps(options, at_first, later):
    weight = nn.Parameter(torch.zeros(1, 1))
    group = {"params": [weight], "orthogonalize": True, "weight_decay": 0.0}
    optimizer = Muon([group], lr=1e-3, **options)
    counts = [n_steps_to_turn(weight, optimizer) for _ in range(20)]
    assert (counts[0], counts[-1]) == (at_first, later)


def test_muon_without_orthogonalized_groups_equals_adamw():
    module, reference = network(), network()
    options = {"lr": 0.01, "weight_decay": 0.1}
    muon = Muon([{"params": module.parameters(), **options}], lr=1.0)
    adamw = torch.optim.AdamW(reference.parameters(), **options, fused=True)
    train(module, muon)
    train(reference, adamw)
    assert_same_parameters(module, reference)


def test_muon_updates_inner_weights_and_adamw_the_others():
    module = network()
    optimizer = make_optimizer("muon", module, lr=0.04, weight_decay=0.02)
    names = {p: name for name, p in module.named_parameters()}
    groups = {group["orthogonalize"]: set() for group in optimizer.param_groups}
    for group in optimizer.param_groups:
        groups[group["orthogonalize"]] |= {names[p] for p in group["params"]}
    assert groups[True] == {"2.weight", "4.weight"}
    assert groups[False] == set(names.values()) - groups[True]


@pytest.mark.parametrize("name", ["muon", "adamw", "adam", "sgd", torch.optim.RMSprop])
def test_only_weight_matrices_have_weight_decay(name):
    module = network()
    optimizer = make_optimizer(name, module, lr=0.01, weight_decay=0.3)
    decays = {
        p: group["weight_decay"]
        for group in optimizer.param_groups
        for p in group["params"]
    }
    assert len(decays) == len(list(module.parameters()))
    assert all(decay == (0.3 if p.ndim > 1 else 0) for p, decay in decays.items())


@pytest.mark.parametrize(
    "name, reference_class",
    [
        ("adamw", torch.optim.AdamW),
        ("adam", torch.optim.Adam),
        (torch.optim.RMSprop, torch.optim.RMSprop),
    ],
)
def test_optimizers_equal_those_of_torch(name, reference_class):
    module, reference = network(), network()
    train(module, make_optimizer(name, module, lr=0.01, weight_decay=0.0))
    train(reference, reference_class(reference.parameters(), lr=0.01, weight_decay=0.0))
    for p, q in zip(module.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(p, q)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_muon_for_networks_of_few_layers(n_layers):
    module = nn.Sequential(*(nn.Linear(4, 4) for _ in range(n_layers)))
    optimizer = make_optimizer("muon", module, lr=0.1, weight_decay=0.0)
    updated = [p for group in optimizer.param_groups for p in group["params"]]
    assert len(updated) == len(set(updated)) == 2 * n_layers
    before = copy.deepcopy(module)
    module(torch.ones(2, 4)).square().sum().backward()
    optimizer.step()
    for p, q in zip(module.parameters(), before.parameters(), strict=True):
        assert not torch.equal(p, q)


@pytest.mark.parametrize("optimizer", ["lion", dict])
def test_bad_optimizer(optimizer):
    message = f"Expected optimizer to be .*, got {optimizer!r}"
    with pytest.raises(TypeError, match=message):
        make_optimizer(optimizer, network(), lr=0.1, weight_decay=0.0)


def test_frozen_parameters_are_left_out():
    module = network()
    module[0].requires_grad_(False)
    optimizer = make_optimizer("muon", module, lr=0.1, weight_decay=0.0)
    updated = {p for group in optimizer.param_groups for p in group["params"]}
    assert updated == set(module.parameters()) - set(module[0].parameters())


def test_step_calls_a_closure():
    weight = nn.Parameter(torch.ones(3, 3))
    optimizer = Muon([{"params": [weight], "orthogonalize": True}], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (weight**2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure) == 9
    assert (weight**2).sum() < 9


@pytest.mark.parametrize("name", ["muon", "adamw", "sgd"])
def test_state_dict_round_trip(name):
    module = network()
    optimizer = make_optimizer(name, module, lr=0.01, weight_decay=0.1)
    train(module, optimizer)
    resumed_module = copy.deepcopy(module)
    resumed = make_optimizer(name, resumed_module, lr=0.5, weight_decay=0.9)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    train(module, optimizer, seed=1)
    train(resumed_module, resumed, seed=1)
    assert_same_parameters(module, resumed_module)
