import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import puppeteer, { type Browser, type Page } from 'puppeteer-core'

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium'
const LONGEST_MS = 60_000

/** A browser with a profile of its own, which is removed with everything else when it is closed. */
export interface TestBrowser {
  open(html: string, options: OpenOptions): Promise<Opened>
  close(): Promise<void>
}

export interface OpenOptions {
  /** CSS pixels. */
  readonly width: number
  readonly scheme: 'light' | 'dark'
  readonly hasScript?: boolean
}

export interface Opened {
  readonly page: Page
  /** What the page printed to its console, or threw. */
  readonly complaints: readonly string[]
  /** Everything it asked for but itself. */
  readonly requests: readonly string[]
}

export async function startBrowser(): Promise<TestBrowser> {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-browser-'))
  const browser = await puppeteer.launch({
    ...{ executablePath: CHROMIUM, pipe: true, userDataDir: join(folder, 'profile'), timeout: LONGEST_MS },
    // Without a sandbox, as tests may run as root; nothing but pages of ours is opened.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-background-networking', '--disable-gpu'],
  })
  let count = 0
  return {
    open: (html, options) => openPage(browser, join(folder, `page-${++count}.html`), html, options),
    async close() {
      await browser.close()
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function openPage(
  browser: Browser,
  file: string,
  html: string,
  { width, scheme, hasScript = true }: OpenOptions,
): Promise<Opened> {
  writeFileSync(file, html)
  const address = pathToFileURL(file).href
  const page = await browser.newPage()
  page.setDefaultTimeout(LONGEST_MS)
  const complaints: string[] = []
  const requests: string[] = []
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`))
  page.on('pageerror', (error) => complaints.push(`thrown: ${String(error)}`))
  page.on('request', (request) => {
    // What is in the page itself, such as its icon of no bytes, is no request to anybody.
    if (request.url() !== address && !request.url().startsWith('data:')) requests.push(request.url())
  })
  await page.setJavaScriptEnabled(hasScript)
  await page.setViewport({ width, height: 800 })
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
  await page.goto(address, { waitUntil: 'load' })
  return { page, complaints, requests }
}
