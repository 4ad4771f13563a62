import { fileSha256 } from '../../sim/telegram/files.ts'
import { startSimulatedTelegram, type SimulatedTelegram } from '../../sim/telegram/serve.ts'
import { configText, DOMAIN, type ConfigOptions } from './config.ts'
import { MaskSite } from './mask-site.ts'
import { Home, Program, type ProgramOptions, type RuntimeName } from './program.ts'

export const FILE_ID = '81985529216486895'

/** Of the first `bytes` of the file that the downloads of these tests ask for. */
export function sha256OfFile(bytes: number): string {
  return fileSha256(BigInt(FILE_ID), bytes)
}

type Settings = Omit<ConfigOptions, 'dcPort' | 'maskPort'>

/** A simulated DC, a mask site and the program between them, all on the loopback. */
export class Stage {
  readonly dc: SimulatedTelegram
  readonly mask: MaskSite
  readonly home: Home
  readonly runtime: RuntimeName
  program: Program

  private constructor(parts: Pick<Stage, 'dc' | 'mask' | 'home' | 'runtime' | 'program'>) {
    this.dc = parts.dc
    this.mask = parts.mask
    this.home = parts.home
    this.runtime = parts.runtime
    this.program = parts.program
  }

  /** `prepare` may put files beside the configuration, `options` say how the program is started. */
  static async open(
    runtime: RuntimeName,
    settings: Settings = {},
    prepare: (home: Home) => void = () => {},
    options: (home: Home) => ProgramOptions = () => ({}),
  ): Promise<Stage> {
    const dc = await startSimulatedTelegram({ host: '127.0.0.1', port: 0 })
    const mask = await MaskSite.start(DOMAIN)
    const home = new Home(configText({ ...settings, dcPort: dc.address.port, maskPort: mask.port }))
    prepare(home)
    const program = await Program.start(home, runtime, options(home))
    return new Stage({ dc, mask, home, runtime, program })
  }

  /** Writes a new configuration; the program learns of it when it is told. */
  configure(settings: Settings): void {
    this.home.configure(configText({ ...settings, dcPort: this.dc.address.port, maskPort: this.mask.port }))
  }

  /** Ends the program this way and starts it again on the same folder. */
  async restart(how: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (how === 'SIGKILL') this.program.signal(how)
    else await this.program.stop()
    await this.program.finish()
    this.program = await Program.start(this.home, this.runtime)
  }

  async close(): Promise<void> {
    await this.program.stop()
    this.dc.close()
    this.mask.close()
    this.home.remove()
  }
}
