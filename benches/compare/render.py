"""What a team with a template does: `render.py EDGES.json TEMPLATE FOLDER` writes a file for each namespace.

It runs in the environment that has Jinja2, and is timed whole.
"""

import json
import sys
from pathlib import Path

import jinja2


def main(edges, template, folder):
    template = Path(template)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent), trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    template = environment.get_template(template.name)
    folder = Path(folder)
    folder.mkdir()
    for namespace in json.loads(Path(edges).read_text()):
        (folder / f"{namespace['name']}.yaml").write_text(template.render(namespace))


main(*sys.argv[1:])
