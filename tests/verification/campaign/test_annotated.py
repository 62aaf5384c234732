"""Runs with extracted values: what they say, energies of annotated currents, ledger, decks."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

pytestmark = pytest.mark.usefixtures("plots_aside")

TABLE = "element,value\njtl:IB1,180\nIBA.XS0.XL0N0,165\nLST.XS1.XL0N0,15.8\n"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "extracted.csv"
    path.write_text(TABLE)
    return path


def verified(cli, tiny, *more):
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "--simulator", "embedded", *more)
    assert ran.status == 0, ran.err
    return ran


def test_currents_of_the_table_are_the_designs(cli, tiny, table):
    """Energies follow them (3 % more in every JTL), and no source is named as another one."""
    scopes = ("--scope", "neurons,network")
    verified(cli, tiny, *scopes, "-o", tiny.run)
    plain = json.loads((tiny.run / "verify.json").read_text())
    ran = verified(cli, tiny, *scopes, "-o", tiny.run, "--annotate", table)
    found = json.loads((tiny.run / "verify.json").read_text())
    assert found["agreed"]
    for before, after in zip(plain["scopes"], found["scopes"], strict=True):
        assert after["sources_wrong"] == 0
        assert abs(after["energy_relative_error"]) < 5e-4
        assert after["energy_J"] > 1.005 * before["energy_J"]
    assert found["circuit"]["bias_A"] > 1.005 * plain["circuit"]["bias_A"]
    annotation = found["annotation"]
    assert annotation["lines"] == 3
    jtls = found["circuit"]["cells"]["jtl"]
    neurons, network = annotation["elements"]["neurons"], annotation["elements"]["network"]
    assert network == jtls + 2
    assert 5 * 4 < neurons < network
    assert "annotation" not in plain
    said = (
        f"annotated: 3 lines of {table} set elements: {neurons} in neurons, {network} in network "
        "(SHA-256 "
    )
    assert said + annotation["sha256"] in ran.out
    assert said in (tiny.run / "report.html").read_text()


def keys(run):
    with closing(sqlite3.connect(run / "ledger.sqlite")) as ledger:
        return {key for (key,) in ledger.execute("SELECT key FROM runs")}


def test_another_table_is_another_campaign(cli, tiny, table):
    verified(cli, tiny, "-o", tiny.run, "--annotate", table)
    first = keys(tiny.run)
    again = ("-o", tiny.run, "--resume", "--annotate", table)
    verified(cli, tiny, *again)
    found = json.loads((tiny.run / "verify.json").read_text())
    assert (found["from_ledger"], keys(tiny.run)) == (len(first), first)
    table.write_text(TABLE + "# the same values, other bytes\n")
    verified(cli, tiny, *again)
    assert json.loads((tiny.run / "verify.json").read_text())["from_ledger"] == 0
    assert len(keys(tiny.run)) == 2 * len(first)


def test_decks_are_judged_with_the_table_that_they_were_made_with(cli, tiny, table, tmp_path):
    decks = tmp_path / "decks"
    made = cli("generate", tiny.net, "--inputs", tiny.x, "-o", decks, "--annotate", table)
    assert made.status == 0, made.err
    verified(cli, tiny, "-o", tiny.run, "--decks", decks, "--annotate", table)
    digest = json.loads((decks / "manifest.json").read_text())["annotation"]["sha256"]
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "-o", tiny.run, "--decks", decks,
              "--simulator", "embedded")  # fmt: skip
    assert (ran.status, ran.sentence) == (
        2,
        f"{decks / 'manifest.json'}: the decks are annotated by a table of the SHA-256 "
        f"{digest[:12]}, asked for is no table (--annotate)",
    )


def test_extracted_values_of_coupled_synapses(cli, tiny, table, tmp_path):
    """Lifted inductors have the names that the decks give them; all of it is in files and keys."""
    asked = ("--annotate", table, "--crosstalk", "--rules", "off")
    decks = tmp_path / "decks"
    ran = cli("generate", tiny.net, "--inputs", tiny.x, "-o", decks, *asked)
    assert ran.status == 2
    assert "LST.XS1.XL0N0 names no element" in ran.sentence
    table.write_text(TABLE.replace("LST.XS1", "LST_XS1"))
    made = cli("generate", tiny.net, "--inputs", tiny.x, "-o", decks, *asked)
    assert made.status == 0, made.err
    manifest = json.loads((decks / "manifest.json").read_text())
    assert (manifest["rules"], manifest["crosstalk"]) == ("off", True)
    notes = (decks / "L0N0.cir").read_text().splitlines()[:10]
    notes = [line for line in notes if not line.startswith("* origin: ")]
    assert [line[2:] for line in notes if "--" in line or "annotated" in line] == [
        f"annotated by a table of 3 lines, SHA-256 {manifest['annotation']['sha256']}",
        "neighbouring synapses are coupled (--crosstalk)",
        "rules of drawing were not checked (--rules off)",
    ]
    verified(cli, tiny, "-o", tiny.run, "--decks", decks, *asked)
    found = json.loads((tiny.run / "verify.json").read_text())
    assert (found["rules"], found["crosstalk"]) == ("off", True)
    assert found["annotation"] == manifest["annotation"]
    verified(cli, tiny, "-o", tiny.run, "--resume", *asked)
    again = json.loads((tiny.run / "verify.json").read_text())["from_ledger"]
    assert again == len(keys(tiny.run)) == 5
    verified(cli, tiny, "-o", tiny.run, "--resume", "--crosstalk", "--rules", "off")
    assert json.loads((tiny.run / "verify.json").read_text())["from_ledger"] == 0


def test_a_table_that_breaks_a_neuron_is_found(cli, tiny, table):
    table.write_text("element,value\nK?.XS*.XL0N0,0\n")
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "--simulator", "embedded", "-o", tiny.run,
              "--annotate", table)  # fmt: skip
    assert ran.status == 1
    assert "layer 0, neuron 0" in ran.sentence


def test_nothing_is_left_behind_by_a_table_that_does_not_fit(cli, tiny, table):
    table.write_text("element,value\nLST.XS7.XL0N0,16\n")
    ran = cli("verify", tiny.net, "--inputs", tiny.x, "--simulator", "embedded", "-o", tiny.run,
              "--annotate", table)  # fmt: skip
    assert ran.status == 2
    assert ran.sentence.startswith(
        f"{table}, line 2: LST.XS7.XL0N0 names no element of the decks of the scope neurons; near "
        "are LST.XS"
    )
    assert not (tiny.run / "verify.json").exists()
