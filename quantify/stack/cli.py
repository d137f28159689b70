"""`python -m quantify.stack`: the embedded servers for tests and tools."""

import argparse
from pathlib import Path

from quantify.stack import background, commands
from quantify.stack.instance import CHECKOUT, Instance
from quantify.stack.refusals import REFUSALS
from quantify.stack.supervisor import complain


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says and return the exit code."""
    options = _parser().parse_args(arguments)
    home: Path = options.var if options.instance == "dev" else options.var / options.instance
    try:
        instance = Instance.at(home, durable=options.instance == "dev")
        return int(options.action(instance, options))
    except REFUSALS as error:
        complain(f"quantify.stack: {error}")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m quantify.stack", description=__doc__)
    parser.add_argument("--var", type=Path, default=CHECKOUT / "var", help="where state is kept")
    parser.add_argument("--instance", choices=["test", "dev"], default="test")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    run = verbs.add_parser("run", help="run a command with the servers")
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    run.set_defaults(action=lambda instance, options: commands.run(instance, _words(options)))

    for name, action, text in (
        ("serve", commands.serve, "run the servers until a signal ends them"),
        ("erase", commands.erase, "delete the servers' data"),
        ("stop", background.stop, "stop the servers"),
        ("env", background.show_environment, "print the environment of running servers"),
    ):
        verb = verbs.add_parser(name, help=text)
        verb.set_defaults(action=lambda instance, _options, action=action: action(instance))

    start = verbs.add_parser("start", help="run the servers in the background")
    start.set_defaults(action=lambda instance, options: background.start(instance, _place(options)))
    return parser


def _place(options: argparse.Namespace) -> list[str]:
    return ["--var", str(options.var), "--instance", options.instance]


def _words(options: argparse.Namespace) -> list[str]:
    words: list[str] = options.command
    words = words[1:] if words[:1] == ["--"] else words
    if not words:
        raise SystemExit("quantify.stack: run needs a command: run -- COMMAND ...")
    return words
