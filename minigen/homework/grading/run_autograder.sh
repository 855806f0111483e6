#!/usr/bin/env bash
# Student code runs as another user: it must not read the key or write the results.
chmod 700 /autograder
/opt/minigen/bin/minigen homework grade /autograder/submission --assignment NAME \
    --key @/autograder/source/key.txt --out /autograder/graded.$$ --isolation ISOLATION \
    --gradescope /autograder/results/results.json
rm -rf /autograder/graded.$$
