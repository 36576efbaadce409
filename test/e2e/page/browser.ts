/**
 * Debian's Chromium, driven by playwright-core. Only this group needs the two packages, so they are loaded here and not
 * imported by the types of the other tests.
 */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { Unexpected } from '../expect.ts'

export type Look = 'light' | 'dark' | 'phone'
export const looks: readonly Look[] = ['light', 'dark', 'phone']

const wide = { width: 1280, height: 620 }
const settings: Readonly<Record<Look, object>> = {
  light: { viewport: wide, colorScheme: 'light' },
  dark: { viewport: wide, colorScheme: 'dark' },
  phone: {
    viewport: { width: 375, height: 760 },
    deviceScaleFactor: 2,
    isMobile: true,
    hasTouch: true,
    colorScheme: 'light',
  },
}

/** The part of the API of playwright-core that the checks use. */
export type Page = {
  goto(url: string): Promise<unknown>
  reload(): Promise<unknown>
  click(selector: string): Promise<void>
  fill(selector: string, text: string): Promise<void>
  selectOption(selector: string, value: string): Promise<unknown>
  press(selector: string, key: string): Promise<void>
  textContent(selector: string): Promise<string | null>
  waitForSelector(
    selector: string,
    options?: { state?: 'visible' | 'hidden'; timeout?: number },
  ): Promise<unknown>
  evaluate<T>(expression: string): Promise<T>
  route(url: string, handler: (route: Route) => Promise<void>): Promise<void>
  on(event: 'console', listener: (message: { type(): string; text(): string }) => void): void
  on(event: 'pageerror', listener: (error: Error) => void): void
  on(event: 'request', listener: (request: { url(): string; method(): string }) => void): void
  context(): Context
}

type Route = {
  /** Sends the request to the server. */
  fetch(): Promise<{ json(): Promise<object> }>
  fulfill(response: { json: unknown }): Promise<void>
  request(): { url(): string; method(): string }
}

type Context = {
  newPage(): Promise<Page>
  newCDPSession(
    page: Page,
  ): Promise<{ send(method: string, parameters?: object): Promise<{ data?: string }> }>
  grantPermissions(permissions: readonly string[]): Promise<void>
  close(): Promise<void>
}

type Chromium = {
  launch(options: object): Promise<{ newContext(options: object): Promise<Context>; close(): Promise<void> }>
}

const require = createRequire(import.meta.url)

export type OpenPage = {
  readonly page: Page
  /** Errors and warnings of the browser, for example violations of the Content-Security-Policy. */
  readonly complaints: readonly string[]
  /** Requests, as `METHOD URL`. */
  readonly requests: readonly string[]
}

export type Browser = {
  /** Opens the page without a session. */
  open(look: Look): Promise<OpenPage>
  close(): Promise<void>
}

export async function startBrowser(url: string): Promise<Browser> {
  const { chromium } = require('playwright-core') as { chromium: Chromium }
  const args = ['--no-sandbox', '--disable-gpu', '--disable-component-update']
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args })
  return {
    async open(look) {
      const context = await browser.newContext({
        ...settings[look],
        ignoreHTTPSErrors: true,
        timezoneId: 'UTC',
      })
      const page = await context.newPage()
      const complaints: string[] = []
      const requests: string[] = []
      page.on('console', (message) => {
        // A page without a session learns it from this status.
        const isExpected = /status of 401/.test(message.text())
        if (['error', 'warning'].includes(message.type()) && !isExpected) complaints.push(message.text())
      })
      page.on('pageerror', (error) => complaints.push(error.stack ?? error.message))
      page.on('request', (request) => requests.push(`${request.method()} ${request.url()}`))
      await page.goto(url)
      return { page, complaints, requests }
    },
    close: () => browser.close(),
  }
}

const untilMs = 20_000

/** Waits until an expression is true. Through the debugger, because the policy of the page forbids `eval`. */
export async function until(page: Page, expression: string): Promise<void> {
  const deadline = performance.now() + untilMs
  while (!(await page.evaluate<boolean>(expression))) {
    if (performance.now() > deadline)
      throw new Unexpected(`not true after ${untilMs / 1000} s: ${expression}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export async function logIn(page: Page, token: string): Promise<void> {
  await page.fill('#token', token)
  await page.click('#login button')
  await page.waitForSelector('#rows .row')
}

let axe: string | undefined

type Violation = { id: string; nodes: { html: string }[] }

/** @throws {Unexpected} if the page has barriers for users with disabilities, or must be scrolled sideways */
export async function checkAccessible(page: Page, what: string): Promise<void> {
  axe ??= await readFile(require.resolve('axe-core/axe.min.js'), 'utf8')
  const session = await page.context().newCDPSession(page)
  // Through the debugger, because the policy of the page forbids other scripts.
  await session.send('Runtime.evaluate', { expression: axe })
  const found = await page.evaluate<Violation[]>('axe.run(document).then(({ violations }) => violations)')
  const lines = found.map(
    ({ id, nodes }) =>
      `${id}: ${nodes
        .map(({ html }) => html)
        .join(' ')
        .slice(0, 300)}`,
  )
  if (lines.length > 0) throw new Unexpected(`${what} has barriers:\n${lines.join('\n')}`)
  const isTooWide = await page.evaluate<boolean>('document.documentElement.scrollWidth > innerWidth')
  if (isTooWide) throw new Unexpected(`${what} is wider than the window`)
}

/** Returns the visible part of the page as WebP. @param isWhole also the part that must be scrolled to */
export async function screenshot(page: Page, isWhole = false): Promise<Buffer> {
  const session = await page.context().newCDPSession(page)
  const { data = '' } = await session.send('Page.captureScreenshot', {
    format: 'webp',
    quality: 82,
    captureBeyondViewport: isWhole,
    ...(isWhole && { clip: await page.evaluate<object>(wholePage) }),
  })
  return Buffer.from(data, 'base64')
}

/** Runs in the browser. */
const wholePage = `(() => {
  const { scrollWidth: width, scrollHeight: height } = document.documentElement
  return { x: 0, y: 0, width, height, scale: 1 }
})()`
