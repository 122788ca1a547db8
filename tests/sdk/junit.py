"""JUnit documents against the schema that Jenkins's xUnit plugin has for them (junit-10.xsd)."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import check
from lxml import etree

SCHEMA = Path(sys.prefix) / "junit-10.xsd"
if not SCHEMA.exists():
    sys.exit(f"{SCHEMA} is missing; .ci/run takes it from the source archive of pytest")
WORLD = """# Is this <one> & "that"?
schema = 1
seed = 1
[space]
pages = 4
[confluence]
[gemini]
model = "gemini-3.5-flash-lite"
"""


def document(scenario, *options, expected=0):
    """The document of a run, with its exit code checked."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        named = Path(scenario)
        if not named.exists():
            named = place / "written.toml"
            named.write_text(scenario)
        command = [os.environ["TAGSPACE"], "run", named, "--transport", "direct", "--quiet"]
        command += ["--out", place / "out", "-o", f"junit={place / 'junit.xml'}", *options]
        code = subprocess.run(command, capture_output=True, check=False).returncode
        assert code == expected, code
        return etree.parse(place / "junit.xml")


def valid(tree):
    """Says what the schema says of a document."""
    schema = etree.XMLSchema(etree.parse(SCHEMA))
    return schema.validate(tree), str(schema.error_log)


def validated(tree, cases):
    """A document that the schema accepts, with this number of cases."""
    is_valid, said = valid(tree)
    assert is_valid, said
    assert len(tree.findall(".//testcase")) == cases, cases
    return tree


def check_met():
    tree = validated(document(WORLD + '[targets.run]\npages_failed = "== 0"\n'), 1)
    assert not tree.findall(".//failure")


def check_missed():
    text = WORLD + '[targets.run]\npages_failed = "== 0"\nai_calls = "== 0"\n'
    tree = validated(document(text, expected=99), 2)
    assert len(tree.findall(".//failure")) == 1


def check_markup_in_names_comes_through():
    text = WORLD + '[targets.run]\nai_calls = ">= 1"\n'
    tree = validated(document(text), 1)
    assert 'Is this <one> & "that"?' in etree.tostring(tree, encoding="unicode", method="text") or (
        any('Is this <one> & "that"?' in value for e in tree.iter() for value in e.attrib.values())
    )


def check_many_seeds():
    text = WORLD + '[targets.run]\nmakespan = "<= 1ms"\n'
    tree = validated(document(text, "--seeds", "1..=3", expected=99), 1)
    assert "replay" in tree.find(".//failure").text


def check_a_share_of_seeds():
    text = WORLD + '[targets.run]\npages_failed = "== 0 in >= 50% of seeds"\n'
    validated(document(text, "--seeds", "1..=3"), 1)


def check_without_targets():
    tree = validated(document(WORLD), 1)
    assert tree.find(".//skipped").get("message").startswith("NOT JUDGED")


def check_a_regression():
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "s.toml").write_text(WORLD)
        command = [os.environ["TAGSPACE"], "run", "s.toml", "--transport", "direct", "--quiet"]
        command += ["--seeds", "1..=13"]
        save = [*command, "--save-baseline", "main"]
        subprocess.run(save, cwd=place, capture_output=True, check=True)
        worse = [*command, "--set", "pipeline.batch_size=1", "--baseline", "main", "-o", "junit=j.xml"]
        assert subprocess.run(worse, cwd=place, capture_output=True, check=False).returncode == 3
        tree = etree.parse(place / "j.xml")
        is_valid, said = valid(tree)
        assert is_valid, said
        assert tree.find(".//failure").get("type") == "regression"


def check_several_runs():
    runs = '[[run]]\nname = "first"\n[[run]]\nname = "second"\nchanged_ratio = 0\n'
    text = WORLD + runs + '[targets.first]\nai_calls = ">= 1"\n[targets.second]\ncache_hits = "== 4"\n'
    validated(document(text), 2)


def check_all_that_is_shipped():
    tree = document("scenarios")
    validated(tree, len(tree.findall(".//testcase")))
    assert len(tree.findall(".//testsuite")) >= 10


def check_the_schema_refuses_what_is_wrong():
    tree = document(WORLD + '[targets.run]\npages_failed = "== 0"\n')
    del tree.find(".//testcase").attrib["name"]
    is_valid, _ = valid(tree)
    assert not is_valid


if __name__ == "__main__":
    check.run(dict(globals()))
