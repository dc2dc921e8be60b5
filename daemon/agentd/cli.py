"""`agentd`: run, check, repair, version. What the service units and the clients start.

Reads what the operating system says of this process (once, here) and hands it down as values. Exit codes: 0; 2 usage;
7 damage found; 75 another daemon holds this home; 78 a folder, file or setting is refused.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import stat
import sys
import tempfile

import click
from agentproto.__about__ import __version__
from agentproto.homes import Folders, is_ours, locate

from agentd.app import Daemon, Process
from agentd.errors import AgentdError, BusyError, HomeError, SettingsError
from agentd.lifecycle.signals import listen
from agentd.telemetry.logs import Log
from agentd.telemetry.measure import Milestones
from agentd.world.real import real_world

__all__ = ["EXIT_BUSY", "EXIT_DAMAGE", "EXIT_REFUSED", "main"]

EXIT_DAMAGE = 7
EXIT_BUSY = 75
EXIT_REFUSED = 78


def _folders() -> Folders:
    return locate(
        os.environ,
        platform=sys.platform,
        cwd=os.getcwd(),
        account_home=lambda: pwd.getpwuid(os.geteuid()).pw_dir,
        real=os.path.realpath,
        ours=_ours,
    )


def _ours(path: str) -> bool:
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return is_ours(folder=stat.S_ISDIR(found.st_mode), owner=found.st_uid, mode=found.st_mode, uid=os.geteuid())


def _process() -> Process:
    watchdog = os.environ.get("WATCHDOG_USEC", "")
    return Process(
        pid=os.getpid(),
        uid=os.geteuid(),
        platform=sys.platform,
        environment=dict(os.environ),
        temporary=tempfile.gettempdir(),
        notify_socket=os.environ.get("NOTIFY_SOCKET"),
        watchdog_ms=int(watchdog) // 1000 if watchdog.isdigit() else None,
    )


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", message="agentd %(version)s")
def main() -> None:
    """A daemon that an AI agent lives in. `agentctl` talks to it."""


@main.command()
@click.option("--profile-start", is_flag=True, help="Print how long each part of the start took.")
def run(profile_start: bool) -> None:
    """Run in the foreground; logs go to stderr."""
    milestones = Milestones()
    os.umask(0o077)
    folders = _folders()
    world = real_world(folders.run)
    log = Log()
    sys.exit(asyncio.run(_run(Daemon(world, folders, _process(), log), log, milestones if profile_start else None)))


async def _run(daemon: Daemon, log: Log, milestones: Milestones | None) -> int:
    try:
        try:
            await daemon.start()
        except BusyError as fault:
            return _refused(fault, EXIT_BUSY)
        except (HomeError, SettingsError) as fault:
            return _refused(fault, EXIT_REFUSED)
        if milestones is not None:
            click.echo(milestones.report(), err=True)
        listen(asyncio.get_running_loop(), stop=daemon.ask_to_stop, reload=daemon.ask_to_reload)
        await daemon.run()
        return 0
    finally:
        await daemon.stop()


def _refused(fault: AgentdError, code: int) -> int:
    click.echo(f"agentd: {fault.what}", err=True)
    if fault.why:
        click.echo(f"  because: {fault.why}", err=True)
    click.echo(f"  to do:   {fault.remedy or fault.code.remedy}", err=True)
    return code


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(f"agentd {__version__}")


if __name__ == "__main__":
    main()
