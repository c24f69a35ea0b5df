"""`midtone baselines`: the learned methods, their weights; import published ones or train them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from midtone.commands.flags import check_overwrite, overwrite_option
from midtone.errors import ModelError, UsageError
from midtone.options import DEVICES

if TYPE_CHECKING:
    from midtone.baselines.learned.catalogue import Method
    from midtone.baselines.learned.train import Recipe

    _Actions = argparse._SubParsersAction[argparse.ArgumentParser]


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = (
        "List the learned methods of the paper's table: where their weights are "
        "published, their licence, and which weights are here."
    )
    parser.set_defaults(verb=run)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    _describe_import(actions)
    _describe_train(actions)


def _describe_import(actions: _Actions) -> None:
    parser = actions.add_parser(
        "import",
        help="read weights as their authors publish them",
        description="Check published weights against the method's network and keep them, with "
        "their source, licence and checksums, where midtone evaluate finds them.",
    )
    parser.add_argument("method", metavar="METHOD", help="name, such as zero-dce")
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help=".pth, .npz or .safetensors file, or .index of a TensorFlow checkpoint",
    )
    parser.add_argument(
        "-o", "--out", type=Path, help="file to write (METHOD.safetensors in the data folder)"
    )
    overwrite_option(parser)
    parser.set_defaults(verb=import_)


def _describe_train(actions: _Actions) -> None:
    parser = actions.add_parser(
        "train",
        help="train a method from scratch with its paper's losses",
        description="Train on a folder of well exposed photographs, which are exposed wrongly by "
        "measured tone curves.",
    )
    parser.add_argument("method", metavar="METHOD", help="name, such as zero-dce")
    parser.add_argument("photographs", type=Path, metavar="FOLDER", help="well exposed photographs")
    parser.add_argument("-o", "--out", type=Path, required=True, help="file to write, .safetensors")
    parser.add_argument("--steps", type=int, help="number of steps (the recipe's)")
    parser.add_argument("--batch", type=int, help="crops in a step (the recipe's)")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and crops (0)")
    parser.add_argument(
        "--licence", default="not stated", help="licence of the weights, for the header"
    )
    parser.add_argument("--vgg", type=Path, help="VGG-19 for DPED, VGG-16 for HDR CNN (.pth)")
    parser.add_argument("--device", default="auto", choices=DEVICES, help="where to train (auto)")
    overwrite_option(parser)
    parser.set_defaults(verb=train)


def run(options: argparse.Namespace) -> int:
    """List the methods; returns the exit code."""
    del options
    from midtone.baselines.learned import catalogue, weights

    print(f"Your weights are in {weights.folder()} (${weights.FOLDER_VARIABLE}).")
    for method in catalogue.METHODS.values():
        print(f"\n{method.name}: {method.paper}")
        print(f"  here:     {_here(method)}")
        print(f"  source:   {method.source}")
        print(f"  files:    {method.files}")
        print(f"  licence:  {method.licence} (the authors' code: {method.code})")
    return 0


def _here(method: Method) -> str:
    from midtone.baselines.learned import run, weights

    try:
        path, info = run.installed(method.name)
    except ModelError as error:
        return str(error).removeprefix(f"{method.name}: ")
    return f"{weights.LABELS[info.origin]} ({info.licence}), {path}"


def import_(options: argparse.Namespace) -> int:
    """Import published weights; returns the exit code."""
    from midtone.baselines.learned import catalogue, weights

    method = catalogue.method(options.method)
    try:
        from midtone.baselines.learned.importing import import_weights
    except ImportError as error:
        raise ModelError(f"importing needs torch: pip install midtone[train] ({error})") from error
    if options.out:
        _check_suffix(options.out)
    imported = import_weights(method.name, options.files)
    out = options.out or weights.folder() / f"{method.name}.safetensors"
    weights.write(out, imported.values, imported.info, overwrite=options.overwrite)
    made = imported.info.made
    print(f"{out}: {sum(v.size for v in imported.values.values()):,} values of {method.name}")
    print(f"  source:   {made['source']}")
    print(f"  licence:  {imported.info.licence}")
    for name, checksum in made["files"].items():
        print(f"  sha256:   {checksum}  {name}")
    known = "are the published ones" if made["known"] else "are not among those that were checked"
    print(f"  the values {known}")
    for part in made["missing"]:
        print(f"  the network {part} is missing; import its file together with these")
    return 0


def train(options: argparse.Namespace) -> int:
    """Train a method; returns the exit code."""
    from midtone.baselines.learned import catalogue

    method = catalogue.method(options.method)
    try:
        import torch

        from midtone.baselines.learned import networks, train, vgg
    except ImportError as error:
        raise ModelError(f"training needs torch: pip install midtone[train] ({error})") from error
    from dataclasses import asdict

    from midtone.baselines.learned import weights
    from midtone.data.photographs import decode, find_photos
    from midtone.data.synthesize import expose

    recipe = _recipe(method.name, options)
    _check_suffix(options.out)
    check_overwrite(options)
    paths = find_photos(options.photographs)
    if not paths:
        raise UsageError(f"{options.photographs}: has no photographs")
    torch.manual_seed(options.seed)
    device = networks.device_of(options.device)
    network = networks.DEFINITIONS[method.name].build().to(device)
    blocks = vgg.VGG16 if method.name.startswith("hdrcnn") else vgg.VGG19
    features = vgg.load_vgg(options.vgg, blocks) if options.vgg else None
    features = features.to(device) if features else None
    training = train.start(method.name, network, recipe, features)
    images = [decode(path, recipe.longest_side) for path in paths]
    made = {"data": f"{len(images)} photographs", "recipe": asdict(recipe)}
    info = weights.WeightsInfo(method.name, weights.OURS, options.licence, made)

    def report(step: int, losses: dict[str, float]) -> None:
        print(f"{step}: " + ", ".join(f"{k} {v:.5g}" for k, v in losses.items()), flush=True)
        values = {name: v.half().cpu().numpy() for name, v in networks.parameters(network).items()}
        weights.write(options.out, values, info, overwrite=True)

    batches = train.crops(images, recipe, expose)
    train.run(training, batches, recipe, device=device, report=report)
    return 0


def _check_suffix(out: Path) -> None:
    if out.suffix != ".safetensors":
        raise UsageError(f"{out}: a file of weights ends in .safetensors")


def _recipe(method: str, options: argparse.Namespace) -> Recipe:
    """How the method is trained, with what the options change. Raises UsageError."""
    from dataclasses import replace

    from midtone.baselines.learned.train import RECIPES

    if method not in RECIPES:
        raise UsageError(f"{method} cannot be trained; train {', '.join(RECIPES)}")
    recipe = replace(RECIPES[method], seed=options.seed)
    if options.steps is not None:
        recipe = replace(recipe, steps=options.steps)
    if options.batch is not None:
        recipe = replace(recipe, batch=options.batch)
    if recipe.steps < 1 or recipe.batch < 1 or recipe.seed < 0:
        raise UsageError("--steps and --batch must be at least 1, --seed at least 0")
    return recipe
