"""All actions that there are."""

from onward.actions.ansible_role import AnsibleRole
from onward.actions.backup_database import BackupDatabase
from onward.actions.build_environment import BuildEnvironment
from onward.actions.check_cloud import CheckCloud, Gate
from onward.actions.check_upgrade import CheckUpgrade
from onward.actions.compare_census import CompareCensus
from onward.actions.configure_copy import ConfigureCopy
from onward.actions.configure_service import AdoptConfiguration, ConfigureService
from onward.actions.copy_database import CopyDatabase
from onward.actions.create_scratch import CreateScratch
from onward.actions.deployment.application_environment import BuildApplicationEnvironment
from onward.actions.deployment.application_image import PrepareImage
from onward.actions.deployment.application_initialise import InitialiseApplication
from onward.actions.deployment.application_migrate import MigrateApplication, WarmApplication
from onward.actions.deployment.application_publish import PublishApplication
from onward.actions.deployment.application_stop import StopApplication
from onward.actions.deployment.broker_grant import GrantBroker, WithdrawBroker
from onward.actions.deployment.cluster_formed import GaleraFormed, RabbitmqFormed
from onward.actions.deployment.data_plane import BeginDataPlane, EndDataPlane
from onward.actions.deployment.database_grant import GrantDatabase, WithdrawDatabase
from onward.actions.deployment.identity_grant import GrantIdentity, WithdrawIdentity
from onward.actions.deployment.instances import CompareInstances, RememberInstances
from onward.actions.deployment.model_backup import BackUpModel, RestoreModel
from onward.actions.deployment.model_census import CompareModelCensus, TakeModelCensus
from onward.actions.deployment.model_check import CheckModel
from onward.actions.deployment.model_record import ForgetModel, RecordModel
from onward.actions.deployment.noted import Noted
from onward.actions.deployment.part_down import PartsLookedAt
from onward.actions.deployment.supervisor_start import StartSupervisor
from onward.actions.deployment.unit_configure import ConfigureUnit
from onward.actions.deployment.unit_defer import DeferRestart
from onward.actions.deployment.unit_hold import HoldUnit
from onward.actions.deployment.unit_reload import ReloadUnit
from onward.actions.deployment.unit_remove import RemoveUnit
from onward.actions.deployment.unit_roll import RollUnit
from onward.actions.deployment.unit_start import StartUnit
from onward.actions.extract_tables import ExtractTables, TakeOverTables
from onward.actions.load_dump import LoadDump
from onward.actions.make_schema import MakeDatabases, MakeSchema
from onward.actions.migrate_database import MigrateDatabase
from onward.actions.prove_identity import ProveIdentity
from onward.actions.release_commands import FinishRelease
from onward.actions.remember_identity import RememberIdentity
from onward.actions.remote.machine_prepare import PrepareMachine
from onward.actions.remote.placed import Placed
from onward.actions.remove_scratch import RemoveScratch
from onward.actions.restart.application_restart import RestartApplication
from onward.actions.restart.unit_restart import LookAtUnits, RestartUnit
from onward.actions.restore_database import RestoreDatabase
from onward.actions.seed_identity import SeedIdentity
from onward.actions.service_stopped import ServiceStopped
from onward.actions.take_census import TakeCensus
from onward.actions.trial.fault import InjectFault
from onward.actions.trial.probe import BeginProbe, EndProbe
from onward.actions.trial.use import KeptByCloud, RemoveTrial, UseCloud
from onward.actions.unit_command import UnitCommand
from onward.actions.warm_runner import WarmRunner
from onward.engine.action import Action, by_name
from onward.hosts.state import Directories


def all_actions(directories: Directories, gate: Gate | None = None) -> dict[str, Action]:
    """Every action by its name; ``gate`` runs the checks that stand before an upgrade, which is not run without."""
    return by_name(
        [
            AdoptConfiguration(),
            AnsibleRole(directories),
            BackupDatabase(),
            BuildEnvironment(directories),
            *_gates(directories, gate),
            CheckUpgrade(),
            CompareCensus(),
            ConfigureCopy(),
            ConfigureService(),
            CopyDatabase(),
            CreateScratch(),
            ExtractTables(),
            FinishRelease(),
            *_deployment(directories),
            LoadDump(),
            MakeDatabases(),
            MakeSchema(),
            MigrateDatabase(),
            ProveIdentity(),
            RememberIdentity(),
            RemoveScratch(),
            RestoreDatabase(),
            SeedIdentity(),
            ServiceStopped(),
            TakeCensus(),
            TakeOverTables(),
            UnitCommand(),
            WarmRunner(),
        ]
    )


def _gates(directories: Directories, gate: Gate | None) -> list[Action]:
    return [] if gate is None else [CheckCloud(gate), CheckModel(gate, directories)]


def deployment_actions(directories: Directories) -> dict[str, Action]:
    """The actions that are done on the machine where their unit is, by name, as they are there."""
    others: list[Action] = [
        ForgetModel(directories),
        HoldUnit(directories),
        LookAtUnits(directories),
        RemoveUnit(directories),
        RestartUnit(directories),
    ]
    return by_name([*_remembered(directories), *others])


def _remembered(directories: Directories) -> list[Action]:
    """The actions whose success is noted with the model."""
    return [
        BuildApplicationEnvironment(directories),
        ConfigureUnit(directories),
        GaleraFormed(),
        GrantBroker(directories),
        GrantDatabase(directories),
        GrantIdentity(directories),
        InitialiseApplication(directories),
        PrepareImage(directories),
        PublishApplication(directories),
        RabbitmqFormed(directories),
        RecordModel(directories),
        ReloadUnit(directories),
        PrepareMachine(directories),
        StartSupervisor(directories),
        StartUnit(directories),
    ]


def _deployment(directories: Directories) -> list[Action]:
    """The actions by which a model is deployed, changed, tried and removed."""
    lost: list[Action] = [
        BackUpModel(directories),
        CompareModelCensus(directories),
        MigrateApplication(directories),
        RestoreModel(directories),
        TakeModelCensus(directories),
    ]
    others: list[Action] = [
        Placed(ForgetModel(directories), directories),
        Placed(HoldUnit(directories), directories),
        Placed(RemoveUnit(directories), directories),
        *(PartsLookedAt(action, directories) for action in lost),
        BeginDataPlane(),
        BeginProbe(directories),
        CompareInstances(directories),
        EndDataPlane(),
        DeferRestart(directories),
        EndProbe(directories),
        InjectFault(directories),
        StopApplication(directories),
        WarmApplication(directories),
        KeptByCloud(directories),
        RememberInstances(directories),
        RemoveTrial(directories),
        RestartApplication(directories),
        RollUnit(directories),
        UseCloud(directories),
        WithdrawBroker(directories),
        WithdrawDatabase(directories),
        WithdrawIdentity(directories),
    ]
    remembered = (PartsLookedAt(Placed(action, directories), directories) for action in _remembered(directories))
    return [*(Noted(action, directories) for action in remembered), *others]
