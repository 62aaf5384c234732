"""Commands from a TOML file: all that they take, checked by name and value before one runs."""

from __future__ import annotations

import re

import pytest

from netlist_gen.campaign_file import read_campaign
from netlist_gen.errors import ConfigurationError


@pytest.fixture
def campaign(tmp_path):
    def write(text):
        path = tmp_path / "c.toml"
        path.write_text(text)
        return path

    return write


def test_a_table_is_a_command_line(campaign, tmp_path):
    path = campaign("""
[generate]
net = "n.npz"
output = "/elsewhere/decks"
dialect = ["josim", "wrspice"]
clock-ghz = 8.5
crosstalk = true
parameters = false

[[plot]]
file = "w.csv"
output = "w.png"
signals = ["P(B1)", "P(B2*)"]
window = "1:2"

[[plot]]
file = "v.csv"
output = "v.png"
""")
    assert [step.words for step in read_campaign(path)] == [
        ("generate", "--output=/elsewhere/decks", "--dialect=josim,wrspice", "--clock-ghz=8.5",
         "--crosstalk", f"{tmp_path}/n.npz"),
        ("plot", f"--output={tmp_path}/w.png", "--signals=P(B1)", "--signals=P(B2*)",
         "--window=1:2", f"{tmp_path}/w.csv"),
        ("plot", f"--output={tmp_path}/v.png", f"{tmp_path}/v.csv"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "{path}: it has no command; a table [verify] would be one"),
        ("[verfy]", "{path}: there is no command [verfy]; did you mean verify?"),
        ("[run]", r"{path}: there is no command [run]; there are demo, train, "),
        ("verify = 3", "{path}, [verify] is 3; a table of options is needed"),
        ('[plot]\nfile = "a"\nlayuot = "grid"',
         "{path}, [plot]: there is no option 'layuot'; did you mean layout?"),
        ('[plot]\nfile = "a"\noutput = "b"\nmarks = 1',
         "{path}, [plot], marks is 1; true or false is needed"),
        ('[plot]\nfile = "a"\noutput = [[1]]',
         "{path}, [plot], output is [1]; a text or a number is needed"),
        ('[plot]\noutput = "b"', "{path}, [plot]: 'file' is missing"),
        ('[plot]\nfile = "a"', "{path}, [plot]: Missing option '-o' / '--output'."),
        ('[[verify]]\nnet = "n"\ninputs = "x"\noutput = "r"\njobs = 0',
         "{path}, [verify] number 1: Invalid value for '--jobs': 0 is not in the range x>=1."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_its_place(campaign, text, message):
    path = campaign(text)
    wanted = re.escape(message.format(path=path))
    with pytest.raises(ConfigurationError, match=f"^{wanted}"):
        read_campaign(path)


def test_the_command_runs_them_in_order_and_stops_at_the_first_that_fails(cli, campaign, tiny):
    path = campaign("""
[inspect]
net = "net.npz"

[[convert]]
net = "net.npz"
output = "no/such/folder/net.pt"

[doctor]
""")
    dry = cli("run", path, "--dry-run")
    assert (dry.status, len(dry.out.splitlines())) == (0, 3)
    assert dry.out.splitlines()[0] == f"$ netlist-gen inspect {tiny.net}"
    ran = cli("run", path)
    assert ran.status == 2
    assert ran.out.startswith(f"{tiny.net}: npz")
    assert "$ netlist-gen convert" in ran.err
    assert "$ netlist-gen doctor" not in ran.err
