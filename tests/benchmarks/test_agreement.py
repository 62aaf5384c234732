"""The table of decks that JoSIM and the engine both run."""

from __future__ import annotations

import shutil

import agreement
import pytest
from click.testing import CliRunner

DECK = """I1 0 1 pwl(0 0 5p 250u)
B1 1 0 m
R1 1 0 3
.model m jj(rtype=1, vg=2.8m, cap=0.07p, r0=160, rn=16, icrit=0.1m)
.tran 0.05p 60p 0 0.5p
.print p(b1)
.print v(1)
"""


@pytest.mark.josim
@pytest.mark.skipif(shutil.which("josim-cli") is None, reason="josim-cli is not on PATH")
def test_the_table_of_a_folder(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "good.cir").write_text(DECK)
    (tmp_path / "bad.cir").write_text(DECK.replace("p(b1)", "p(b2)"))
    (tmp_path / "noise.cir").write_text(DECK + ".temp 4.2\n.neb 1t\n")
    (tmp_path / "notes.txt").write_text("no deck")
    ran = CliRunner().invoke(agreement.main, [str(tmp_path)])
    lines = ran.output.splitlines()
    assert lines[2].startswith("| a/good.cir | agrees | ")
    assert lines[3].startswith("| bad.cir | engine refuses | ")
    assert lines[3].endswith("line 6: P(B2): there is no device or node B2 |")
    assert lines[4].startswith("| noise.cir | random | ")
    assert lines[-1].startswith("3 decks: 1 agrees, 1 engine refuses, 1 random; ")
    assert ran.exit_code == 0
    # A difference is found: the engine with another resistor.
    simulate = agreement.ng.simulate

    def other(_path, **options):
        (tmp_path / "other.txt").write_text(DECK.replace("R1 1 0 3", "R1 1 0 3.01"))
        return simulate(tmp_path / "other.txt", **options)

    monkeypatch.setattr(agreement.ng, "simulate", other)
    ran = CliRunner().invoke(agreement.main, [str(tmp_path / "a")])
    assert ran.output.splitlines()[2].startswith("| good.cir | DIFFERS | ")
    assert ran.exit_code == 1
