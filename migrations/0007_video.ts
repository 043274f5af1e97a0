import type { Knex } from 'knex';

export async function up(db: Knex): Promise<void> {
  await db.raw(`CREATE TABLE video_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    ticket_id TEXT NOT NULL REFERENCES tickets (id),
    -- who pays: the customer of the ticket when the first credit was held
    customer_id TEXT NOT NULL REFERENCES customers (id),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'active', 'ended', 'no_show', 'blocked')),
    agent_state TEXT NOT NULL CHECK (agent_state IN ('absent', 'joined', 'connected')),
    customer_state TEXT NOT NULL CHECK (customer_state IN ('absent', 'joined', 'connected')),
    -- the first time each of them came: whoever never did is a no-show
    agent_joined_at TEXT,
    customer_joined_at TEXT,
    -- set with the first hold: null = whole session, else minutes of a block
    block_minutes INTEGER CHECK (block_minutes >= 1),
    -- JSON list of credit holds: the whole session's one, or one for each block, in the order of the blocks
    hold_ids TEXT NOT NULL,
    -- the credit for the next block is missing; the session is blocked when the running block ends
    out_of_credit INTEGER NOT NULL CHECK (out_of_credit IN (0, 1)),
    -- milliseconds in which both were connected, up to connected_since
    connected_ms BIGINT NOT NULL CHECK (connected_ms >= 0),
    connected_since TEXT,
    -- the newest sign of life from the room
    last_event_at TEXT,
    -- when a job must look again (next hold, end of a paid block, no-show)
    next_check_at TEXT,
    reason TEXT,
    created_by_name TEXT NOT NULL,
    created_at TEXT NOT NULL,
    started_at TEXT,
    ended_at TEXT,
    -- what is metered never goes back behind this instant, whatever the clocks of several servers say
    updated_at TEXT NOT NULL,
    CHECK ((state IN ('waiting', 'active')) = (ended_at IS NULL)),
    CHECK ((state IN ('waiting', 'active')) = (next_check_at IS NOT NULL)),
    CHECK (connected_since IS NULL OR state = 'active'),
    CHECK (state <> 'active' OR started_at IS NOT NULL)
  )`);
  await db.raw('CREATE INDEX video_sessions_ticket ON video_sessions (ticket_id, id)');
  // Two agents who start at once get one room.
  await db.raw(`CREATE UNIQUE INDEX video_sessions_one_running ON video_sessions (ticket_id)
    WHERE state IN ('waiting', 'active')`);
  await db.raw(
    `CREATE INDEX video_sessions_due ON video_sessions (next_check_at) WHERE next_check_at IS NOT NULL`,
  );
  await db.raw(`CREATE TABLE video_events (
    session_id TEXT NOT NULL REFERENCES video_sessions (id),
    event_id TEXT NOT NULL,
    type TEXT NOT NULL CHECK (type IN ('joined', 'connected', 'left')),
    participant TEXT NOT NULL CHECK (participant IN ('agent', 'customer')),
    at TEXT NOT NULL,
    PRIMARY KEY (session_id, event_id)
  )`);
}

export async function down(db: Knex): Promise<void> {
  await db.raw('DROP TABLE video_events');
  await db.raw('DROP TABLE video_sessions');
}
