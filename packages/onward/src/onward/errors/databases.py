"""Errors of databases and dumps."""

from onward.errors.base import OnwardError, Refused


class DatabaseUnreachable(Refused):
    """A database could not be reached, or refused the user.

    The evidence is the server's answer. Check the address, the user's rights and the password's source.
    """

    code = "OW301"


class DatabaseReadOnly(Refused):
    """The database that is to be migrated does not accept writes.

    A replica, a Galera node that left its cluster, or a read-only file. Name the primary.
    """

    code = "OW302"


class DumpCorrupt(Refused):
    """A dump cannot be read: it is missing, its compression is damaged, or it is no SQL.

    Make the dump again; the source database is not involved.
    """

    code = "OW303"


class DumpTruncated(Refused):
    """A dump stops before its end: the line that mariadb-dump and mysqldump write last is missing.

    Usually the disk was full or the connection broke while it was made. Make it again.
    """

    code = "OW304"


class DumpOfAnotherService(Refused):
    """The dump does not hold the tables of the service it was given for.

    The evidence lists the tables that are missing and some that were found instead.
    """

    code = "OW305"


class HalfMigrated(Refused):
    """The database is between two releases: it was expanded and not contracted.

    Finish the earlier upgrade with the code of the release that began it, then try again.
    """

    code = "OW306"


class DatabaseAhead(Refused):
    """The database is at a later series than was said, or than the installed code.

    Going on would run old code on a new schema. Correct ``--from`` or the cloud file.
    """

    code = "OW307"


class UnknownRevision(Refused):
    """The database carries a schema revision that no known release has.

    It was migrated by a newer release than this Onward knows, by a patched one, or is not this service's database.
    """

    code = "OW308"


class DumpLoadFailed(OnwardError):
    """The scratch server did not accept the dump.

    The evidence is the server's message. The source is not involved; the copy is incomplete and will be made
    again from the start when the run is resumed.
    """

    code = "OW309"


class ScratchServerFailed(OnwardError):
    """The private database server of a rehearsal did not start, or died.

    The evidence is the end of its log. Resuming the run starts it again on the same data directory.
    """

    code = "OW310"
