"""What runs on the far side of the wall. Stand-alone: these files import nothing of minigen."""
