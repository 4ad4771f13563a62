import { lookup } from 'node:dns/promises'
import { InvalidArgumentError, Option, type Command } from 'commander'
import type { Address } from '../core/ports.ts'
import { parseLink } from '../core/protocol/link.ts'
import { parseSecret, type ClientSecret } from '../core/protocol/secret.ts'
import { CliError, EXIT } from './exit.ts'
import { durationOf, wholeNumber } from './numbers.ts'

interface ConformanceCommand {
  readonly target: Place
  readonly secret: ClientSecret
  readonly mask?: Place
  readonly telegram?: Place
  readonly dc: number
  readonly proxyHeaders?: true
  readonly only?: readonly string[]
  readonly answer: number
  readonly silence: number
  readonly slack: number
  readonly samples: number
  readonly json?: true
  readonly junit?: string
  readonly report?: string
}

interface Place {
  readonly host: string
  readonly port: number
}

const HELP = `
Numbers stay what they are, so that a script can name cases. With --mask, what a
stranger gets is compared with what the web site itself gives. With --telegram,
this program stands in for Telegram at that address, and the proxy has to be
told so before:

  palisade      [telegram.dc] 2 = ["127.0.0.1:8888"], and in [telegram.middle]
                secret, config and config_v6 = "none"
  others        where they have a setting for the addresses of data centres;
                in mtprotoproxy (Python) it is the list TG_DATACENTERS_V4, in
                the source text. Official MTProxy and those that only speak to
                middle proxies cannot be pointed at it.

Much of this looks like an attack, and is meant to. Let the proxy under test not
ban you for it: with Palisade [access] rules = [{ cidr = "YOUR ADDRESS",
level = "full" }], or [guard] enabled = false.

Example:
  palisade conformance --target 127.0.0.1:8443 --secret ee... \\
    --mask example.com:443`

export function addConformance(program: Command): void {
  program
    .command('conformance')
    .description('try any MTProto proxy from outside, case by case')
    .addOption(new Option('--target <host:port>', 'the proxy').argParser(place).makeOptionMandatory())
    .addOption(
      new Option('--secret <secret>', 'as clients are given it: hex, base64 or a link')
        .argParser(secret)
        .makeOptionMandatory(),
    )
    .addOption(new Option('--mask <host:port>', 'the web site that it hides behind').argParser(place))
    .addOption(new Option('--telegram <host:port>', 'stand in for Telegram there').argParser(place))
    .addOption(new Option('--dc <n>', 'data centre to ask for').argParser(wholeNumber(1, 10_005)).default(2))
    .option('--proxy-headers', 'it takes PROXY headers from this host')
    .addOption(new Option('--only <n,n.n>', 'groups and cases, by number').argParser((text) => text.split(',')))
    .addOption(
      new Option('--answer <duration>', 'longest wait for an answer')
        .argParser(durationOf(100, 600_000))
        .default(5000, '5s'),
    )
    .addOption(
      new Option('--silence <duration>', 'how long silence lasts')
        .argParser(durationOf(100, 600_000))
        .default(1500, '1500ms'),
    )
    .addOption(
      new Option('--slack <duration>', "how much later than the site's an end may come")
        .argParser(durationOf(0, 600_000))
        .default(500, '500ms'),
    )
    .addOption(
      new Option('--samples <n>', 'how often each question is put where answers are compared as a whole')
        .argParser(wholeNumber(12, 1000))
        .default(20),
    )
    .option('--json', 'for scripts')
    .option('--junit <file>', 'write a report in the form of JUnit')
    .option('--report <file>', 'write a page about it, as HTML')
    .addHelpText('after', HELP)
    .action(conformance)
}

async function conformance(options: ConformanceCommand): Promise<void> {
  const { secret: wanted, dc, only, answer: answerMs, silence: silenceMs, slack: slackMs, samples } = options
  const { junit, report } = options
  const suite = (await import(
    new URL('../../sim/conformance.ts', import.meta.url).href
  )) as typeof import('../../sim/conformance.ts')
  const unknown = suite.unknownIds(only ?? [])
  if (unknown.length > 0) throw new CliError(EXIT.usage, `--only: no such group or case: ${unknown.join(', ')}`)
  try {
    if (report !== undefined) suite.checkReportFile(report)
  } catch (error) {
    throw new CliError(EXIT.usage, (error as Error).message)
  }
  const [target, mask, telegram] = await Promise.all([
    resolved('--target', options.target),
    options.mask && resolved('--mask', options.mask),
    options.telegram && resolved('--telegram', options.telegram),
  ])
  const trying = suite.tryConformance({
    ...{ target, secret: wanted, dc, answerMs, silenceMs, slackMs, samples, isJson: options.json === true },
    hasProxyHeaders: options.proxyHeaders === true,
    ...(mask === undefined ? {} : { mask }),
    ...(telegram === undefined ? {} : { telegram }),
    ...(only === undefined ? {} : { only }),
    ...(junit === undefined ? {} : { junit }),
    ...(report === undefined ? {} : { report }),
  })
  const isGood = await trying.catch((error: unknown) => {
    throw new CliError(EXIT.failed, (error as Error).message)
  })
  // Connections that the proxy keeps would keep us.
  process.stdout.write('', () => process.exit(isGood ? EXIT.ok : EXIT.failed))
}

function place(text: string): Place {
  const [, host, port] = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]{1,253}):(\d{1,5})$/.exec(text) ?? []
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535)
    throw new InvalidArgumentError('Expected HOST:PORT, such as proxy.example.com:443 or [2001:db8::1]:443.')
  return { host: host.replaceAll(/[[\]]/g, ''), port: Number(port) }
}

/** Parses an option that is a secret as clients are given it. */
export function secret(text: string): ClientSecret {
  const link = /^(tg:|https?:)/i.test(text) ? parseLink(text) : undefined
  const found = link === undefined ? parseSecret(text) : 'error' in link ? link : link.secret
  if ('error' in found) throw new InvalidArgumentError(`${found.error}.`)
  return found
}

async function resolved(option: string, { host, port }: Place): Promise<Address> {
  try {
    const { address } = await lookup(host)
    return { ip: address, port }
  } catch {
    throw new CliError(EXIT.failed, `${option}: ${host} cannot be looked up`)
  }
}
