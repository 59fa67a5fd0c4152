"""What commands take besides networks: image sets and saved families."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from circuits import Family
    from circuits.images import ImageSet

__all__ = ["FamilyFile", "ImagesPath", "image_set", "saved_families", "saved_family"]

ImagesPath = Annotated[
    Path | None,
    typer.Option(
        "--images", metavar="PATH", help="A folder of images, a tar file or a folder of these; else scikit-image's."
    ),
]
"""The option of every command that shows natural images."""

FamilyFile = Annotated[
    Path | None,
    typer.Option(
        "--family",
        metavar="FILE",
        help="A family saved by `curves families -o FILE`, instead of looking for curves.",
    ),
]


def image_set(path: Path | None) -> ImageSet:
    """The images of a folder, of a tar file or of a folder of tar files; scikit-image's photographs by default.

    Raises:
        CurvesError: there are none.
    """
    from circuits.image_sources import open_images
    from circuits.images import ImageSet

    return ImageSet.photographs() if path is None else open_images(path)


def saved_families(path: Path) -> list[Family]:
    """All families in a file, as `curves families NET -o FILE` writes them.

    Raises:
        CurvesError: it cannot be read, or holds none.
    """
    import tomllib

    from circuits import CurvesError, Family

    try:
        return [Family.from_json(table) for table in tomllib.loads(path.read_text(encoding="utf-8"))["family"]]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise CurvesError(f"{path} holds no families ({error}); `curves families NET -o FILE` writes them") from None


def saved_family(path: Path, layer: str | None) -> Family:
    """The only family in a file, or the only one of a layer.

    Raises:
        CurvesError: there is none, or more than one.
    """
    from circuits import CurvesError

    found = [family for family in saved_families(path) if layer in {None, family.layer}]
    if len(found) != 1:
        have = ", ".join(f"{family.name} of {family.layer}" for family in found) or "none"
        raise CurvesError(
            f"{path} should have one family to survey, and has {have}; name its layer or give another file"
        )
    return found[0]
