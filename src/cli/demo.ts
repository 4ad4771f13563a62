import type { Command } from 'commander'

/** What sim/demo.ts offers. */
interface Demo {
  runDemo(): Promise<void>
}

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('offline: a simulated Telegram, the proxy, clients, and what they do')
    .action(async () => {
      const demo = (await import(new URL('../../sim/demo.ts', import.meta.url).href)) as Demo
      await demo.runDemo()
    })
}
