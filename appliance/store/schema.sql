-- main.db, version 3. Times are Unix seconds, UTC.
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    started REAL NOT NULL,
    ended REAL,
    outcome TEXT,
    version TEXT NOT NULL,
    interface TEXT NOT NULL
) STRICT;
CREATE TABLE step (
    run INTEGER NOT NULL REFERENCES run (id),
    name TEXT NOT NULL,
    inputs TEXT NOT NULL,
    started REAL NOT NULL,
    ended REAL,
    outcome TEXT,
    evidence TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (run, name)
) STRICT;
CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    run INTEGER REFERENCES run (id),
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    step TEXT,
    machine TEXT,
    text TEXT NOT NULL,
    data TEXT NOT NULL DEFAULT '{}',
    mark TEXT
) STRICT;
CREATE UNIQUE INDEX event_mark ON event (mark);
CREATE TABLE machine (
    name TEXT PRIMARY KEY,
    record TEXT NOT NULL,
    installed REAL,
    ready REAL,
    installs INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE frozen (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    value TEXT NOT NULL
) STRICT;
CREATE TABLE approved (
    name TEXT PRIMARY KEY,
    mac TEXT NOT NULL,
    value TEXT NOT NULL
) STRICT;
CREATE TABLE vault (
    name TEXT PRIMARY KEY,
    nonce BLOB NOT NULL,
    sealed BLOB NOT NULL
) STRICT;
CREATE TABLE left_behind (
    step TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
CREATE TABLE agreed (
    name TEXT PRIMARY KEY,
    disk TEXT NOT NULL
) STRICT;
CREATE TABLE discovered (
    mac TEXT NOT NULL,
    address TEXT NOT NULL,
    first REAL NOT NULL,
    last REAL NOT NULL,
    report TEXT NOT NULL,
    PRIMARY KEY (mac, first)
) STRICT;
CREATE TABLE stage1_order (
    mac TEXT PRIMARY KEY,
    word TEXT NOT NULL,
    seconds INTEGER NOT NULL
) STRICT;
CREATE TABLE switch (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
