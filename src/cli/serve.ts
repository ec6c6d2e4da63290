/**
 * `sheaf serve`: flags of the server. The serving itself is main.ts's, which may import the doors.
 *
 * Hides nothing else. Invariant: every flag here is a setting of config.ts by the same name.
 */
import { Option } from 'commander';
import type { Command } from 'commander';
import type { CliHost } from './host.ts';
import { typedFlags } from './flags.ts';

const EXAMPLES = `
Examples:
  sheaf serve
  sheaf serve --data-dir /var/lib/sheaf --flight-port 8815 --http-port 8123
  sheaf serve --no-flight --http-port 0
  sheaf serve --print-config
  sheaf serve --host 0.0.0.0 --tls-cert server.pem --tls-key server.key

When both doors serve, one line goes to stdout: ready flight=127.0.0.1:8815 http=127.0.0.1:8123
Every flag can also be given as SHEAF_<NAME> (SHEAF_FLIGHT_PORT) or in a JSON file named by --config.
An address that other machines can reach needs TLS, and callers need tokens: see \`sheaf token\`. SIGHUP reads the
certificates again.
SIGTERM and SIGINT let running work end for --grace-seconds, then stop; a second one stops at once.`;

/** Adds the command; `end` takes its exit code. */
export function addServe(program: Command, host: CliHost, end: (code: number) => void): void {
  program
    .command('serve')
    .description('serve a data directory over Arrow Flight and HTTP')
    .option('--data-dir <dir>', 'data directory, made when missing (default: ./data)')
    .option('--host <host>', 'address to listen on (default: 127.0.0.1)')
    .option('--flight-port <port>', 'Arrow Flight port, 0 picks a free one (default: 8815)')
    .option('--http-port <port>', 'HTTP port, 0 picks a free one (default: 8123)')
    .option('--no-flight', 'serve HTTP alone')
    .option('--auth <mode>', 'required, off, or auto: required where other machines can call (default: auto)')
    .option('--tls-cert <file>', 'certificate for both doors, PEM')
    .option('--tls-key <file>', 'its key, PEM')
    .option('--tls-client-ca <file>', 'CA that must have signed the certificates of clients, PEM')
    .option('--insecure', 'allow a --host that other machines can reach without TLS or tokens')
    .option('--allow-origin <origin...>', 'web origins that may call the HTTP door')
    .option('--log-level <level>', 'debug, info, warn, error or silent (default: warn)')
    .option('--grace-seconds <seconds>', 'time for running work at a stop (default: 10)')
    .option(
      '--snapshot-retention-seconds <seconds>',
      'how long replaced and dropped rows can be read (default: 3600)',
    )
    .option('--scrub-mib-per-second <mib>', 'rate of the background scrub, 0 for none (default: 16)')
    .option('--query-timeout-seconds <seconds>', 'end statements after this time, 0 for never (default: 3600)')
    .option('--slow-query-ms <ms>', 'log statements that take this long, 0 for none (default: 0)')
    .option('--copy-dir <dir>', 'where COPY may read and write files (default: none, COPY is off)')
    .option('--config <file>', 'JSON file of settings')
    .addOption(new Option('--print-config', 'print every setting with its value and source, and end'))
    .addHelpText('after', EXAMPLES)
    .action(async (_options: unknown, command: Command) => {
      const flags = typedFlags(command);
      if (flags['printConfig'] !== true) {
        end(await host.serve(flags));
        return;
      }
      await host.stdout.write(await host.describeSettings(flags));
    });
}
