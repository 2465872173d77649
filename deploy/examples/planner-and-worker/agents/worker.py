"""Hastens the late orders of one ticket and says how they are now, a JSON line each: worker.py TICKET

An ordinary program: see planner.py. Run again, as a Job may do it, it finds its work done and says the same.
"""

import json
import sys

import psycopg


def main(ticket):
    with psycopg.connect(connect_timeout=10, application_name="worker") as database:
        database.execute(
            "UPDATE orders SET state = 'hastened' WHERE ticket = %s AND state = 'late'", [ticket]
        )
        orders = database.execute(
            "SELECT id, state FROM orders WHERE ticket = %s ORDER BY id", [ticket]
        ).fetchall()
    # The transaction is committed here.
    if not orders:
        sys.exit(f"worker: no order belongs to ticket {ticket}: nothing was changed")
    for order, state in orders:
        print(json.dumps({"ticket": ticket, "order": order, "state": state}), flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit("worker: say which ticket, by its number: worker.py TICKET")
    try:
        main(int(sys.argv[1]))
    except psycopg.Error as refusal:
        sys.exit(f"worker: this is not known to be done: {str(refusal).strip()}")
