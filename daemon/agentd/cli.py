"""`agentd`: run, check, repair, version. What the service units and the clients start.

Reads what the operating system says of this process (once, here) and hands it down as values. Exit codes: 0; 1 the disk
failed, full for instance; 2 usage; 7 damage found; 75 another daemon holds this home; 78 a folder, file or setting is refused.
"""

from __future__ import annotations

import asyncio
import gc
import os
import pwd
import stat
import sys
import tempfile

import click

from agentd.app import Daemon, Process
from agentd.check import check
from agentd.errors import AgentdError, BusyError, DiskError, HomeError, SettingsError
from agentd.lifecycle.notify import watchdog_ms
from agentd.lifecycle.signals import listen
from agentd.repair import repair
from agentd.telemetry.logs import open_log
from agentd.telemetry.redact import Redactor
from agentd.world.real import real_world
from agentproto.__about__ import __version__
from agentproto.homes import Folders, is_ours, locate

__all__ = ["EXIT_BUSY", "EXIT_DAMAGE", "EXIT_FAILED", "EXIT_REFUSED", "main"]

EXIT_FAILED = 1
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
    return Process(
        pid=os.getpid(),
        uid=os.geteuid(),
        platform=sys.platform,
        environment=dict(os.environ),
        temporary=tempfile.gettempdir(),
        notify_socket=os.environ.get("NOTIFY_SOCKET"),
        watchdog_ms=watchdog_ms(os.environ, os.getpid()),
    )


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", message="agentd %(version)s")
def main() -> None:
    """A daemon that an AI agent lives in. `agentctl` talks to it."""


@main.command()
@click.option("--profile-start", is_flag=True, help="Print how long each part of the start took.")
def run(profile_start: bool) -> None:
    """Run in the foreground; logs go to stderr."""
    folders = _folders()
    redactor = Redactor(os.environ)
    log = open_log(sys.stderr, redactor)
    daemon = Daemon(real_world(folders.run), folders, _process(), log, redactor)
    # What is there now stays for good: no round of the collector, which stops the loop, need look at it again.
    gc.freeze()
    sys.exit(asyncio.run(_run(daemon, profile_start)))


async def _run(daemon: Daemon, profile_start: bool) -> int:
    # Before the start: sessions that go on may have children by then, which a signal's own way would leave behind.
    listen(asyncio.get_running_loop(), stop=daemon.ask_to_stop, reload=daemon.ask_to_reload)
    try:
        try:
            await daemon.start()
        except BusyError as fault:
            return _refused(fault, EXIT_BUSY)
        except (HomeError, SettingsError) as fault:
            return _refused(fault, EXIT_REFUSED)
        except DiskError as fault:
            return _refused(fault, EXIT_FAILED)
        if profile_start:
            click.echo(daemon.start_profile(), err=True)
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


@main.command("check")
def check_command() -> None:
    """Read every log of this home and change nothing; each damage is named with its byte. Exit 7 when there is any."""
    folders = _folders()
    sys.exit(check(real_world(folders.run), folders.data, folders.state, click.echo))


@main.command("repair")
def repair_command() -> None:
    """Copy what can be had of damaged logs; the damaged ones are kept beside. Needs the daemon to be stopped."""
    folders = _folders()
    try:
        code = repair(real_world(folders.run), folders, click.echo)
    except BusyError as fault:
        code = _refused(fault, EXIT_BUSY)
    sys.exit(code)


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(f"agentd {__version__}")


if __name__ == "__main__":
    main()
