"""The SQL tables. Times are seconds since 1970 by the database's clock (see worker.jobs.database.db_now)."""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, MetaData, Text, UniqueConstraint, false, select, text, true
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedSQLExpression, column_property, mapped_column

from worker.jobs.places import PlaceJson, PlaceText

# A queued job that neither awaits others, nor is on hold, nor has to wait for a time. As a text, because a database
# uses a partial index only where it sees the condition of the index in the question.
READY = "state = 'queued' AND NOT awaits_others AND held_at IS NULL AND not_before IS NULL"
IS_RUNNING = "state = 'running'"


def _partial_index(name: str, where: str, *columns: str) -> Index:
    """An index of the rows alone that fulfil a condition."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


class Base(DeclarativeBase):
    """The base of all tables; names every constraint, so that migrations can change it by name."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {str: Text(), dict[str, Any]: JSON()}  # noqa: RUF012  (SQLAlchemy reads it from the class)


class UserRow(Base):
    """A person, or the built-in account `local`; see worker.jobs.accounts."""

    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    password_hash: Mapped[str | None]  # by argon2; None: signs in by a link or at a proxy
    disabled: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[float]


def _name_of(user_id: Mapped[int | None]) -> MappedSQLExpression[str]:
    """The name of the user of a row, read with it."""
    return column_property(
        select(UserRow.name).where(UserRow.id == user_id).correlate_except(UserRow).scalar_subquery()
    )


class SessionRow(Base):
    """A browser that is signed in."""

    __tablename__ = "session"

    hash: Mapped[str] = mapped_column(primary_key=True)  # of the secret in its cookie
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    created_at: Mapped[float]
    seen_at: Mapped[float]
    expires_at: Mapped[float]


class TokenRow(Base):
    """What a program signs in with."""

    __tablename__ = "token"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    name: Mapped[str]
    hash: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    created_at: Mapped[float]
    used_at: Mapped[float | None]
    expires_at: Mapped[float | None]


class LoginFailureRow(Base):
    """An attempt to sign in by a password that has not succeeded."""

    __tablename__ = "login_failure"
    __table_args__ = (Index("ix_login_failure_name_address", "name", "address"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    address: Mapped[str]
    at: Mapped[float] = mapped_column(index=True)


class LoginLinkRow(Base):
    """A link that signs in once."""

    __tablename__ = "login_link"

    hash: Mapped[str] = mapped_column(primary_key=True)  # of the secret in its address
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    expires_at: Mapped[float]


class ExperimentRow(Base):
    """A group of jobs that belong together."""

    __tablename__ = "experiment"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    notes: Mapped[str] = mapped_column(default="", server_default="")
    tags: Mapped[str] = mapped_column(default="", server_default="")  # words with spaces between and around them
    created_at: Mapped[float]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))  # who began it; null: on the command line
    user: Mapped[str | None] = _name_of(user_id)


class PresetRow(Base):
    """What somebody saved for trainings to begin with: a configuration file and changes to it."""

    __tablename__ = "preset"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    name: Mapped[str]
    config: Mapped[str] = mapped_column(PlaceText())
    overrides: Mapped[list[Any]] = mapped_column(PlaceJson())
    created_at: Mapped[float]


class JobRow(Base):
    """One requested piece of work."""

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_state_lease_until", "state", "lease_until"),
        Index("ix_job_kind_state_id", "kind", "state", "id"),
        Index("ix_job_dataset_id", "dataset", "id"),
        Index("ix_job_user_id_id", "user_id", "id"),
        # The next job to start, of all and of a user, without a look at the others.
        _partial_index("ix_job_ready", READY, "queue", "gpus", "rank", "id"),
        _partial_index("ix_job_ready_of_user", READY, "queue", "gpus", "user_id", "rank", "id"),
        _partial_index("ix_job_running", IS_RUNNING, "queue", "user_id"),
        _partial_index("ix_job_awaits_others", "awaits_others", "id"),
        _partial_index("ix_job_not_before", "not_before IS NOT NULL", "not_before"),
        Index("ix_job_announced_state", "announced", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    state: Mapped[str]
    queue: Mapped[str]
    spec: Mapped[dict[str, Any]] = mapped_column(PlaceJson())
    config: Mapped[dict[str, Any]] = mapped_column(PlaceJson())
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"), index=True)
    # What it may open, a worker.jobs.roots.Roots; null: anything, as it was submitted by somebody with a shell.
    roots: Mapped[dict[str, Any] | None] = mapped_column(PlaceJson(none_as_null=True))
    is_retry: Mapped[bool] = mapped_column(default=False, server_default=false())
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    user: Mapped[str | None] = _name_of(user_id)
    # What people call it, whatever it was asked to do.
    name: Mapped[str] = mapped_column(default="", server_default="")
    notes: Mapped[str] = mapped_column(default="", server_default="")
    experiment_id: Mapped[int | None] = mapped_column(ForeignKey("experiment.id"), index=True)
    experiment: Mapped[str | None] = column_property(
        select(ExperimentRow.name)
        .where(ExperimentRow.id == experiment_id)
        .correlate_except(ExperimentRow)
        .scalar_subquery()
    )
    # Parts of the request and the configuration that lists show and search (worker.jobs.requests.facts).
    model: Mapped[str] = mapped_column(default="", server_default="")
    dataset: Mapped[str | None] = mapped_column(PlaceText())
    dataset_version: Mapped[str | None]  # the digest of a registered one when the job was submitted
    checkpoint: Mapped[str | None] = mapped_column(PlaceText(), index=True)
    alias: Mapped[str | None]  # by which its request named the checkpoint
    evaluate_job: Mapped[int | None] = mapped_column(index=True)
    gpus: Mapped[int] = mapped_column(default=1, server_default="1")  # that it asks for
    # When it may start; see worker.jobs.scheduling.
    rank: Mapped[int] = mapped_column(default=0, server_default="0")  # the lowest first, in the order of an index
    priority: Mapped[int] = column_property(-rank)
    awaits_others: Mapped[bool] = mapped_column(default=False, server_default=false())
    held_at: Mapped[float | None]  # since when it is on hold
    fence: Mapped[int] = mapped_column(default=0)
    # How many attempts in a row got no further, by what ended them; see worker.jobs.outcomes.
    attempts: Mapped[int] = mapped_column(default=0)
    max_attempts: Mapped[int]
    outages: Mapped[int] = mapped_column(default=0, server_default="0")
    lost_leases: Mapped[int] = mapped_column(default=0, server_default="0")
    preemptions: Mapped[int] = mapped_column(default=0, server_default="0")
    reached: Mapped[int] = mapped_column(default=0, server_default="0")  # how far the attempts that have ended got
    not_before: Mapped[float | None]  # until when nobody claims it
    quiet_since: Mapped[float | None]  # since when a running one reports no progress; null: it does
    owner: Mapped[str | None]
    lease_until: Mapped[float | None]
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    unit: Mapped[str] = mapped_column(default="")
    eta_seconds: Mapped[float | None]
    result: Mapped[dict[str, Any] | None] = mapped_column(PlaceJson(none_as_null=True))
    error: Mapped[str | None]
    best_checkpoint: Mapped[int | None]  # an id; no foreign key, because checkpoints refer to jobs
    published_at: Mapped[float | None]
    publications: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[float]
    started_at: Mapped[float | None]
    finished_at: Mapped[float | None]
    announced: Mapped[bool] = mapped_column(default=False, server_default=false())  # its end; see worker.jobs.notices


class OutputFolderRow(Base):
    """A folder outside of the jobs' own that a job writes to; it counts until the job has ended."""

    __tablename__ = "output_folder"

    path: Mapped[str] = mapped_column(PlaceText(), primary_key=True)  # with links resolved
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), index=True)


class InputPinRow(Base):
    """What something that a job reads was when the job was submitted; see worker.jobs.ownership.pins."""

    __tablename__ = "input_pin"
    __table_args__ = (Index("ix_input_pin_path_stamp", "path", "stamp"),)

    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)  # the field or key that names it
    path: Mapped[str] = mapped_column(PlaceText())
    stamp: Mapped[str]  # size and times of a file; empty for what is more than one file
    digest: Mapped[str]


class DeletedJobRow(Base):
    """A job that was deleted: its id is never given again, and its folders may still have to go."""

    __tablename__ = "deleted_job"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    deleted_at: Mapped[float]
    folders: Mapped[list[Any]] = mapped_column(PlaceJson())  # paths; empty once all are gone


class AwaitedJobRow(Base):
    """A job that another one waits for: both are submitted, and the other one later."""

    __tablename__ = "awaited_job"

    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), primary_key=True)
    awaited_id: Mapped[int] = mapped_column(ForeignKey("job.id"), primary_key=True, index=True)


class IdempotencyKeyRow(Base):
    """A key under which a request made a job; sent again, it makes no other. See worker.jobs.idempotency."""

    __tablename__ = "idempotency_key"

    owner: Mapped[int] = mapped_column(primary_key=True)  # the user's id; 0: nobody is asked to sign in
    key: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]  # of the request
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), index=True)
    created_at: Mapped[float] = mapped_column(index=True)


class QueuePauseRow(Base):
    """A queue that is paused: no job of it is started."""

    __tablename__ = "queue_pause"

    queue: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[float]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))  # null: on the command line
    user: Mapped[str | None] = _name_of(user_id)


class AttemptRow(Base):
    """One execution of a job, named by the fence of its claim."""

    __tablename__ = "attempt"

    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), primary_key=True)
    fence: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str]
    started_at: Mapped[float]
    finished_at: Mapped[float | None]
    outcome: Mapped[str | None]
    error: Mapped[str | None]


class ItemListRow(Base):
    """The items of a segment job as far as they are listed, and sums over its shards; see worker.jobs.item_lists."""

    __tablename__ = "item_list"

    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), primary_key=True)
    complete: Mapped[bool]
    n_items: Mapped[int] = mapped_column(default=0)
    n_shards: Mapped[int] = mapped_column(default=0)
    # In images, or in frames if there are videos; an image then counts as a frame.
    work: Mapped[int] = mapped_column(BigInteger, default=0)
    has_videos: Mapped[bool] = mapped_column(default=False)
    passed_over: Mapped[dict[str, Any]]  # numbers of other files, by kind
    n_finished: Mapped[int] = mapped_column(default=0)  # shards, of which ...
    work_done: Mapped[int] = mapped_column(BigInteger, default=0)
    n_ok: Mapped[int] = mapped_column(default=0)  # ... so many items were segmented ...
    n_error: Mapped[int] = mapped_column(default=0)  # ... and so many could not be


class ShardRow(Base):
    """A slice [first, last) of the items of a segment job."""

    __tablename__ = "shard"
    # A claim finds the first free shard, or one whose lease has run out, without a look at the others.
    __table_args__ = (
        _partial_index("ix_shard_queued", "state = 'queued'", "job_id", "number"),
        _partial_index("ix_shard_running", IS_RUNNING, "job_id", "lease_until"),
    )

    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    first: Mapped[int]
    last: Mapped[int]
    chunk: Mapped[str | None]  # the file that lists its items, relative to the job's folder; None: items.json
    offset: Mapped[int] = mapped_column(default=0, server_default="0")  # bytes before them in that file
    work: Mapped[int] = mapped_column(default=0, server_default="0")
    state: Mapped[str]
    fence: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str | None]
    lease_until: Mapped[float | None]
    manifest: Mapped[str | None] = mapped_column(PlaceText())
    n_ok: Mapped[int] = mapped_column(default=0)
    n_error: Mapped[int] = mapped_column(default=0)


class ResultPartRow(Base):
    """A folder with the result tables of some images of a job; see worker.jobs.results."""

    __tablename__ = "result_part"

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), index=True)
    folder: Mapped[str] = mapped_column(PlaceText())
    n_images: Mapped[int]
    level: Mapped[int]


class MetricRow(Base):
    """One value of one metric at one iteration; a repeated iteration replaces it."""

    __tablename__ = "metric"

    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    iteration: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[float]


class CheckpointRow(Base):
    """A complete checkpoint file; its bytes never change."""

    __tablename__ = "checkpoint"
    __table_args__ = (UniqueConstraint("job_id", "fence", "iteration"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"))
    fence: Mapped[int]
    iteration: Mapped[int]
    path: Mapped[str] = mapped_column(PlaceText())
    sha256: Mapped[str]
    n_bytes: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[float]
    # Whether somebody wants it kept, whatever the rules of its training or a clean-up say.
    pinned: Mapped[bool] = mapped_column(default=False, server_default=false())


class AliasRow(Base):
    """A name that people gave to a checkpoint; see worker.jobs.records.aliases."""

    __tablename__ = "alias"

    name: Mapped[str] = mapped_column(primary_key=True)
    checkpoint_id: Mapped[int] = mapped_column(ForeignKey("checkpoint.id"), index=True)
    since: Mapped[float]


class AliasMoveRow(Base):
    """One move of an alias; kept when the checkpoints are gone."""

    __tablename__ = "alias_move"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    from_id: Mapped[int | None]  # a checkpoint; None: the alias is new
    to_id: Mapped[int | None]  # a checkpoint; None: the alias is gone
    at: Mapped[float]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))  # null: on the command line
    user: Mapped[str | None] = _name_of(user_id)


class EvaluationRow(Base):
    """One checkpoint's scores on one dataset split under stated settings."""

    __tablename__ = "evaluation"

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), unique=True)
    checkpoint: Mapped[str] = mapped_column(PlaceText(), index=True)
    dataset: Mapped[str] = mapped_column(PlaceText())
    split: Mapped[str]
    settings: Mapped[dict[str, Any]] = mapped_column(PlaceJson())
    mean_iou: Mapped[float]
    scores: Mapped[dict[str, Any]]
    confusion: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))  # large, so that few questions read it
    policy: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    dataset_version: Mapped[str | None]
    created_at: Mapped[float]


class EventRow(Base):
    """One sentence about what happened to a job."""

    __tablename__ = "event"

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), index=True)
    fence: Mapped[int]
    at: Mapped[float]
    message: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    user: Mapped[str | None] = _name_of(user_id)


class WorkerRow(Base):
    """A process of a Celery worker that was started once; alive while its heartbeat is fresh."""

    __tablename__ = "worker"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)  # for people; a worker that is started again keeps it
    queue: Mapped[str]
    device: Mapped[str]
    slots: Mapped[int]
    gpus: Mapped[int] = mapped_column(default=0, server_default="0")
    memory_bytes: Mapped[int | None] = mapped_column(BigInteger)  # of its smallest GPU, else of the machine
    pid: Mapped[int]
    # With these a process of the same machine tells whether this one lives (worker.jobs.processes); null: it cannot.
    process_table: Mapped[str | None]
    process_start: Mapped[int | None] = mapped_column(BigInteger)
    started_at: Mapped[float]
    heartbeat_at: Mapped[float]
    stopped_at: Mapped[float | None]


class AlarmRow(Base):
    """Something that people have to mend, as one process of the platform sees it; fresh while it is reported."""

    __tablename__ = "alarm"

    subject: Mapped[str] = mapped_column(primary_key=True)
    reporter: Mapped[str] = mapped_column(primary_key=True)
    sentence: Mapped[str]
    at: Mapped[float]


class DatasetRow(Base):
    """A registered folder of images and masks; see worker.jobs.datasets."""

    __tablename__ = "dataset"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    root: Mapped[str] = mapped_column(PlaceText())
    labels: Mapped[str] = mapped_column(PlaceText())
    n_classes: Mapped[int]
    splits: Mapped[dict[str, Any]]
    layout: Mapped[str] = mapped_column(default="folder", server_default="folder")  # DATASET.NAME
    category_ids: Mapped[str | None]  # DATASET.CATEGORY_IDS of the layout coco
    former_names: Mapped[list[Any]] = mapped_column(JSON(), default=list, server_default="[]")
    confined: Mapped[bool] = mapped_column(default=True, server_default=true())  # registered over HTTP
    created_at: Mapped[float]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    user: Mapped[str | None] = _name_of(user_id)


class DatasetVersionRow(Base):
    """A registered dataset as it was when it was registered or refreshed."""

    __tablename__ = "dataset_version"
    __table_args__ = (UniqueConstraint("dataset_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id"))
    number: Mapped[int]  # 1, 2, 3 ...
    digest: Mapped[str] = mapped_column(index=True)  # of lists, sizes and labels; see deeplab.datasets.version
    class_names: Mapped[list[Any]] = mapped_column(JSON())
    splits: Mapped[dict[str, Any]]  # by name: {"n_images": ..., "version": ...}
    created_at: Mapped[float]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    user: Mapped[str | None] = _name_of(user_id)


class CounterRow(Base):
    """A count that only grows; see worker.jobs.records.counters."""

    __tablename__ = "counter"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)


class NoticeRow(Base):
    """What somebody is to be told of the end of a job: sent, to be sent, or given up; see worker.jobs.notices."""

    __tablename__ = "notice"

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), index=True)
    channel: Mapped[str]
    target: Mapped[str]
    tries: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[float | None] = mapped_column(index=True)  # None: it was sent or given up
    sent_at: Mapped[float | None]
    error: Mapped[str | None]  # of the last try
