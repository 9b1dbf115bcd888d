"""A Vega-Lite specification as an inline SVG that holds no script, loads nothing, and takes the page's colours."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from vouch.charts import COLOURS
from vouch.contracts.finding import Figure

_KEPT = {"svg", "g", "path", "text", "tspan", "rect", "line", "circle", "defs", "clipPath"}
_NAMESPACES = re.compile(r'\sxmlns(:\w+)?="[^"]*"')
_LONG = re.compile(r"\d+\.\d{3,}")
_CLASSES = {colour: name for name, colour in COLOURS.items()}


def svg(figure: Figure) -> str:
    """Draw a figure.

    Args:
        figure: with its specification.

    Returns:
        An ``<svg>`` element whose identifiers start with the figure's name; a colour of the shared look becomes the
        class ``fill-NAME`` or ``stroke-NAME`` as well.
    """
    # It brings a whole engine along, which only a report needs.
    import vl_convert

    drawn = _NAMESPACES.sub(
        "", vl_convert.vegalite_to_svg(dict(figure.spec), allowed_base_urls=[]).replace("xlink:href", "href")
    )
    root = ElementTree.fromstring(drawn)
    _prune(root)
    for element in root.iter():
        _dress(element, figure.name)
    root.attrib.pop("width", None)
    root.attrib.pop("height", None)
    root.attrib |= {"role": "img", "aria-labelledby": f"{figure.name}-title {figure.name}-desc", "focusable": "false"}
    root.insert(0, _words("desc", f"{figure.name}-desc", figure.says))
    root.insert(0, _words("title", f"{figure.name}-title", figure.title))
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)


def _prune(parent: ElementTree.Element) -> None:
    """Leave out every element that is not for drawing: the engine writes none, and no label may bring one."""
    for child in list(parent):
        if child.tag in _KEPT:
            _prune(child)
        else:
            parent.remove(child)


def _dress(element: ElementTree.Element, name: str) -> None:
    """Colours to classes, unique identifiers, no more digits than can be seen, and no link, handler or style."""
    for key in [k for k in element.attrib if k in ("class", "style", "href", "role") or k.startswith(("on", "aria"))]:
        del element.attrib[key]
    for key, value in list(element.attrib.items()):
        if value.startswith("url(#"):
            element.attrib[key] = f"url(#{name}-{value[5:]}"
        elif "url(" in value:
            del element.attrib[key]
    for key in ("transform", "d"):
        if key in element.attrib:
            element.attrib[key] = _LONG.sub(lambda found: f"{float(found[0]):.2f}", element.attrib[key])
    if element.get("opacity") == "1":
        del element.attrib["opacity"]
    if "stroke" not in element.attrib:
        element.attrib.pop("stroke-width", None)
    if "id" in element.attrib:
        element.attrib["id"] = f"{name}-{element.attrib['id']}"
    pairs = ((kind, _CLASSES.get(element.attrib.get(kind, ""))) for kind in ("fill", "stroke"))
    if classes := " ".join(f"{kind}-{colour}" for kind, colour in pairs if colour):
        element.attrib["class"] = classes


def _words(tag: str, identifier: str, text: str) -> ElementTree.Element:
    element = ElementTree.Element(tag, {"id": identifier})
    element.text = text
    return element
