#!/usr/bin/env python3
"""Write the software bill of materials: every pinned package, as CycloneDX 1.6 JSON.

    python scripts/make_sbom.py [FILE]        # sbom.cdx.json by default, - for standard output

Made from constraints.txt and data-packages.txt alone, so the same pins give the same bytes: no time, and a
serial number that is a hash of the pins. A package that only some Pythons need has its marker as a property.
"""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from asi_repro import __version__
from asi_repro.store.files import atomic_write, sha256_bytes

ROOT = Path(__file__).resolve().parent.parent
NAME = "asi-repro"
PINS = {"constraints.txt": ComponentType.LIBRARY, "data-packages.txt": ComponentType.DATA}


def bill(root: Path = ROOT) -> str:
    """The bill of materials as JSON text.

    Raises:
        ValueError: for a line that pins no version.
    """
    components = [part for file, kind in PINS.items() for part in _components(root / file, kind)]
    pins = "\n".join(sorted(str(part.bom_ref.value) for part in components))
    itself = Component(
        name=NAME,
        version=__version__,
        type=ComponentType.APPLICATION,
        bom_ref=NAME,
        purl=PackageURL("pypi", None, NAME, __version__),
    )
    serial = uuid5(NAMESPACE_URL, f"{NAME}@{__version__}:{sha256_bytes(pins.encode())}")
    made = Bom(components=components, serial_number=serial, metadata=BomMetaData(component=itself))
    made.metadata.timestamp = None  # type: ignore[assignment]  # optional in CycloneDX
    made.register_dependency(itself, components)
    return JsonV1Dot6(made).output_as_string(indent=2) + "\n"


def _components(path: Path, kind: ComponentType) -> list[Component]:
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.split("#")[0].strip()
        if not text or text.startswith("-"):
            continue
        wanted = Requirement(text)
        [pin] = wanted.specifier
        if pin.operator != "==":
            raise ValueError(f"{path.name}: {text} pins no version")
        name = canonicalize_name(wanted.name)
        url = PackageURL("pypi", None, name, pin.version)
        marker = [Property(name="asi-repro:marker", value=str(wanted.marker))] if wanted.marker else []
        found.append(
            Component(
                name=name,
                version=pin.version,
                type=kind,
                purl=url,
                bom_ref=url.to_string(),
                properties=marker,
                scope=ComponentScope.OPTIONAL if wanted.marker else None,
            )
        )
    return found


def main() -> int:
    target = sys.argv[1] if len(sys.argv) > 1 else "sbom.cdx.json"
    text = bill()
    if target == "-":
        sys.stdout.write(text)
    else:
        atomic_write(Path(target), text)
        print(f"{target}: {text.count('bom-ref') - 1} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
