import pytest
import torch

from deeplab.config import parse_config
from deeplab.models.build import build_model
from deeplab.training.optim import PolynomialLR, build_optimizer, parameter_groups


def names(model: torch.nn.Module, group: dict[str, object]) -> set[str]:
    by_identity = {id(parameter): name for name, parameter in model.named_parameters()}
    parameters = group["params"]
    assert isinstance(parameters, list)
    return {by_identity[id(parameter)] for parameter in parameters}


def test_groups_of_v2_are_the_originals() -> None:
    model = build_model("DeepLabV2_ResNet50_MSC", 3, n_blocks=(1, 1, 1, 1), width=4)
    backbone, head, bias = parameter_groups(model, 0.1, 5e-4)

    every = {name for name, _ in model.named_parameters()}
    assert names(model, backbone) == {name for name in every if ".layer" in name and name.endswith("conv.weight")}
    assert names(model, head) == {f"base.aspp.c{i}.weight" for i in range(4)}
    assert names(model, bias) == {f"base.aspp.c{i}.bias" for i in range(4)}
    assert [group["lr"] for group in (backbone, head, bias)] == [0.1, 1.0, 2.0]
    assert [group["weight_decay"] for group in (backbone, head, bias)] == [5e-4, 5e-4, 0.0]


@pytest.mark.parametrize("name", ["DeepLabV1_ResNet50", "DeepLabV3_ResNet50_MSC", "DeepLabV3Plus_ResNet50"])
def test_with_batch_norm_every_parameter_is_in_one_group(name: str) -> None:
    model = build_model(name, 3, n_blocks=(1, 1, 1, 1), width=4)
    groups = parameter_groups(model, 0.1, 5e-4, train_bn=True)

    grouped = [each for group in groups for each in names(model, group)]
    assert sorted(grouped) == sorted(name for name, _ in model.named_parameters())
    assert names(model, groups[3]) == {each for each in grouped if ".bn." in each}
    assert (groups[3]["lr"], groups[3]["weight_decay"]) == (0.1, 0.0)


def test_polynomial_decay_by_hand() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = PolynomialLR(optimizer, step_size=2, iter_max=8, power=2.0)

    rates = []
    for _ in range(10):
        optimizer.step()
        schedule.step()
        rates.append(optimizer.param_groups[0]["lr"])

    assert rates == [1.0, 0.75**2, 0.75**2, 0.5**2, 0.5**2, 0.25**2, 0.25**2, 0.0, 0.0, 0.0]


def test_warmup_by_hand() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = PolynomialLR(optimizer, step_size=2, iter_max=8, power=2.0, warmup=4)

    rates = [optimizer.param_groups[0]["lr"]]
    for _ in range(6):
        optimizer.step()
        schedule.step()
        rates.append(optimizer.param_groups[0]["lr"])

    assert rates == [0.25, 0.5, 0.75 * 0.75**2, 0.75**2, 0.5**2, 0.5**2, 0.25**2]


def test_a_new_length_in_the_middle_of_the_warmup() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = PolynomialLR(optimizer, step_size=2, iter_max=8, power=2.0, warmup=4)
    for _ in range(2):
        optimizer.step()
        schedule.step()
    schedule.stretch(16)
    assert optimizer.param_groups[0]["lr"] == 0.75 * (1 - 2 / 16) ** 2


@pytest.mark.parametrize(("name", "kind"), [("sgd", torch.optim.SGD), ("adamw", torch.optim.AdamW)])
def test_the_optimizer_of_that_name(name: str, kind: type) -> None:
    solver = {"OPTIMIZER": name, "LR": 0.1, "WEIGHT_DECAY": 0.5, "MOMENTUM": 0.8}
    config = parse_config({"DATASET": {"N_CLASSES": 3}, "SOLVER": solver}, "test")
    model = build_model("DeepLabV1_ResNet50", 3, n_blocks=(1, 1, 1, 1), width=4)

    optimizer = build_optimizer(parameter_groups(model, 0.1, 0.5), config.SOLVER)

    assert type(optimizer) is kind
    assert [(group["lr"], group["weight_decay"]) for group in optimizer.param_groups] == [
        (0.1, 0.5),
        (1.0, 0.5),
        (2.0, 0),
    ]
    assert optimizer.param_groups[0].get("momentum", optimizer.param_groups[0].get("betas", (0,))[0]) == 0.8
