"""Reads the tickets of one queue and says of each what it would have done, a JSON line each: planner.py QUEUE

An ordinary program. Where the database is and who it is there, libpq finds in its environment (PGHOST, PGUSER,
PGPASSFILE, PGSSLMODE, ...), as with any other login.
"""

import json
import sys

import psycopg

# In the place of a model. As a model may, it takes up whatever it reads, whoever wrote that.
WISHES = {"late": "hasten", "cancel": "cancel", "refund": "refund"}


def would(said):
    return [act for word, act in WISHES.items() if word in said.lower()]


def main(queue):
    with psycopg.connect(connect_timeout=10, application_name="planner") as database:
        for ticket, said in database.execute(
            "SELECT id, said FROM tickets WHERE queue = %s ORDER BY id", [queue]
        ):
            print(json.dumps({"ticket": ticket, "said": said, "would": would(said)}), flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("planner: say which queue: planner.py QUEUE")
    try:
        main(sys.argv[1])
    except psycopg.Error as refusal:
        sys.exit(f"planner: nothing more can be read: {str(refusal).strip()}")
