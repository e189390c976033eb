"""Stop or start a unit with the command that the cloud file gives."""

from onward.engine.action import Evidence, StepContext
from onward.errors import StepFailed, ToolMissing
from onward.hosts.command import run_command

TIMEOUT_SECONDS = 600


class UnitCommand:
    """``unit.command``: run the operator's own command for a unit, on this machine.

    Arguments: ``unit``, ``verb`` (stop or start), ``argv``. Evidence: ``exit_status`` and the last lines printed.
    Stopping what is stopped, and starting what is started, must be harmless in the command itself, as it is in
    systemctl: a run that was killed here runs it again.
    """

    name = "unit.command"

    def apply(self, context: StepContext) -> Evidence:
        """Run it; any exit status but 0 is a failure."""
        arguments = context.step.arguments
        unit, verb = arguments["unit"], arguments["verb"]
        argv = [str(word) for word in arguments["argv"]] if isinstance(arguments["argv"], list) else []
        try:
            result = run_command(argv, timeout_seconds=TIMEOUT_SECONDS)
        except FileNotFoundError:
            raise ToolMissing(
                f"The command to {verb} {unit} does not exist: {argv[0]}.",
                state=f"{unit} is as it was.",
                next_command=f"correct the cloud file, or {verb} it by hand; then: onward runs resume {context.run_id}",
            ) from None
        if result.exit_status != 0:
            raise StepFailed(
                f"The command to {verb} {unit} ended with exit status {result.exit_status}.",
                evidence=result.tail(),
                state=f"{unit} may still be running." if verb == "stop" else f"{unit} may not be running.",
                next_command=f"onward runs resume {context.run_id}",
            )
        return {"exit_status": result.exit_status, "output": result.tail(5)}
