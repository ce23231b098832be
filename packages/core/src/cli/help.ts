// The `prefork` command. `--help`, which fits a screen; docs/cli.md has the rest.

export const HELP = `Usage: prefork [flags] app.js [-- args]  a file that listens, or exports an app
       prefork stop [--now] | reload | upgrade | resize N|+N|-N        [-P file]
       prefork status [--json | --watch (each second, until Ctrl-C)]   [-P file]

Where    -l --listen URL (http://*:3000; again for more)   -b --backlog N
Workers  -w --workers N    -s --spare N    -u --user NAME    -g --group NAME
Limits   -A --accepts N    -c --max-clients N    -r --max-requests N
         --multi-accept N   --max-memory SIZE|N%   --max-age T
Times    -G --graceful-timeout T     -H --heartbeat-timeout T
         -i --inactivity-timeout T   --keep-alive-timeout T
         -L --lock-timeout T         -a --accept-interval T
         --heartbeat-interval T      --shutdown-delay T      --upgrade-timeout T
Files    -P --pid-file F    --lock-file F    --no-cleanup    --config F
         --directory F
Others   --graceful-term    --no-accept-lock    --silent    --single
         --hang-report      --hang-report-file F    --slow-request T
Command  --check (load the app, start nothing)    --watch (reload on change)
         -h --help    -v --version

T is a time: 20s, 500ms, 2m; without a unit milliseconds, as in the API.
Flags win over PREFORK_WORKERS, PREFORK_GRACEFUL_TIMEOUT, ..., WEB_CONCURRENCY
and PORT, those over prefork.config.js. All of it: docs/cli.md.
`;
