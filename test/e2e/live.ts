import { runToEnd } from './child.ts'
import { configText, DOMAIN, FAKE_TLS, writtenSecret, type ConfigOptions } from './config.ts'
import { freePort } from './free-port.ts'
import { MaskSite } from './mask-site.ts'
import { Home, PALISADE, Program, type RuntimeName } from './program.ts'

export const SECRET = writtenSecret(FAKE_TLS)
/** Far more than a machine needs that has other things to do. */
export const LIMIT_MS = 120_000

export function simRun(runtime: RuntimeName, scenario: string, ...options: readonly string[]): readonly string[] {
  return [PALISADE, 'sim', 'run', scenario, '--runtime', runtime, ...options]
}

export async function play(runtime: RuntimeName, scenario: string, ...options: readonly string[]) {
  return runToEnd('sh', simRun(runtime, scenario, ...options), { limitMs: LIMIT_MS })
}

/** The program with its guard, told that Telegram is at `telegramPort`. */
export async function withProgram<T>(
  runtime: RuntimeName,
  run: (at: { readonly program: Program; readonly home: Home; readonly telegramPort: number }) => Promise<T>,
  options: Partial<ConfigOptions> = {},
): Promise<T> {
  const telegramPort = await freePort()
  const mask = await MaskSite.start(DOMAIN)
  const home = new Home(configText({ dcPort: telegramPort, maskPort: mask.port, secrets: [FAKE_TLS], ...options }))
  const program = await Program.start(home, runtime)
  try {
    return await run({ program, home, telegramPort })
  } finally {
    await program.stop()
    mask.close()
    home.remove()
  }
}

/** What is said with `--json`, in part. */
export interface Told {
  readonly result: string
  readonly measures: {
    readonly honest: readonly {
      readonly name: string
      readonly attempts: number
      readonly connected: number
      readonly connect_p99_ms: number | null
    }[]
    readonly bans: number | null
  }
  readonly assertions: readonly { readonly result: string }[]
}
