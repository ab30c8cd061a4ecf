"""``make bench``: measurements as one JSON document on standard output; progress on standard error.

This file stays light: worker processes load the main module of the process they work for.
"""

if __name__ == "__main__":
    import argparse
    import json

    import dreams_and_import
    import receiver
    import server

    import agents
    import trials

    parser = argparse.ArgumentParser(description="Speed and memory of imports, dreams, the server, agents and trials.")
    parser.add_argument("--quick", action="store_true", help="smaller sizes")
    quick = parser.parse_args().quick
    document = {
        **dreams_and_import.measured(quick),
        "server": server.measured(quick),
        "receiver": receiver.measured(quick),
        "agents": agents.measured(quick),
        "trials": trials.measured(quick),
    }
    print(json.dumps(document, indent=2))
