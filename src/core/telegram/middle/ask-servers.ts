import type { PublicAddress, SeenAddress } from '../../ports.ts'

/** So many must say the same before the others need not be asked. */
const WANTED = 2

/**
 * Asks STUN servers for our public address: two of them, and the next one for each that fails or says something else. Two that agree
 * decide. When none is left, the only answer counts; contradicting ones do not, since nobody can say who is wrong. `done` is called
 * once, never at once.
 */
export function askServers(
  port: PublicAddress,
  servers: readonly string[],
  question: { readonly family: 4 | 6; readonly from?: string },
  done: (found: SeenAddress | { readonly why: string }) => void,
): void {
  const left = [...new Set(servers)]
  const heard: { readonly server: string; readonly seen: SeenAddress }[] = []
  const failures: string[] = []
  let asked = 0
  let isOver = false
  const finish = (found: SeenAddress | { readonly why: string }) => {
    isOver = true
    done(found)
  }
  const askNext = () => {
    const server = left.shift()
    if (server === undefined) return
    asked++
    port.find({ server, ...question }, (answer) => {
      asked--
      if (!isOver) take(server, answer)
    })
  }
  const take = (server: string, answer: SeenAddress | { readonly why: string }) => {
    if ('why' in answer) failures.push(`${server}: ${answer.why}`)
    else if (answer.ip === answer.local || heard.some(({ seen }) => seen.ip === answer.ip)) return finish(answer)
    else heard.push({ server, seen: answer })
    while (left.length > 0 && asked + Math.min(heard.length, 1) < WANTED) askNext()
    if (asked > 0) return
    if (heard.length === 1) finish(heard[0].seen)
    else if (heard.length === 0) finish({ why: failures.join('; ') })
    else finish({ why: `they disagree: ${heard.map((one) => `${one.server} says ${one.seen.ip}`).join(', ')}` })
  }
  for (let i = 0; i < WANTED; i++) askNext()
}
