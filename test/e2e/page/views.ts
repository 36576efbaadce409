/** Checks: the login, every view in every look, and the screenshots of the README. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, expectEqual, expectMatch } from '../expect.ts'
import type { Check } from '../runner.ts'
import { checkAccessible, logIn, looks, screenshot, type Page, until } from './browser.ts'
import { simulateCluster, type PageRig } from './rig.ts'

/** The views, and what each shows when its data has arrived. */
const views = [
  ['rack', '#rows .row.alert .problem'],
  ['node/ocp45/w1', '.gantt .own'],
  ['node/ocp45/m2', '.log span'],
  ['clusters', '.stages'],
  ['network', '.panel'],
  ['server', '.problems'],
] as const

async function show(page: Page, view: string, sign: string): Promise<void> {
  await page.evaluate(`location.hash = '#/${view}'`)
  await page.waitForSelector(sign)
}

/** With UPDATE=1, the screenshots of the README are replaced; otherwise they are only looked at. */
const images = join(
  import.meta.dirname,
  process.env['UPDATE'] === '1' ? '../../../docs/images' : '../.work/page',
)

/** Takes a picture of every view in full length, for a critical look. */
async function reviewViews(page: Page, look: string): Promise<void> {
  await simulateCluster(page)
  for (const [view, sign] of views) {
    await show(page, view, sign)
    const name = view.replaceAll('/', '-')
    await writeFile(join(images, `view-${name}-${look}.webp`), await screenshot(page, true))
  }
}

export const viewChecks: readonly Check<PageRig>[] = [
  {
    name: 'page: a token opens it, and a wrong one does not',
    limitMs: 120_000,
    async run({ browser, token, rack }) {
      const { page, complaints } = await browser.open('light')
      await page.waitForSelector('#token')
      await checkAccessible(page, 'the login')
      await page.fill('#token', 'slipway_0123456789ab_wrong')
      await page.click('#login button')
      await page.waitForSelector('#login [role=alert]')
      await logIn(page, token)
      expectEqual(
        await page.evaluate<number>('document.querySelectorAll("#rows .row").length'),
        rack.nodes.length,
        'rows',
      )
      expectMatch((await page.textContent('.status')) ?? '', /live/, 'the header')
      expectEqual(complaints.join('\n'), '', 'complaints of the browser')
      await page.click('[data-action=log-out]')
      await page.waitForSelector('#token')
      await page.context().close()
      return undefined
    },
  },
  {
    name: 'page: every view is accessible, in light, in dark, and on a phone',
    limitMs: 120_000,
    async run({ browser, token, rack }) {
      for (const look of looks) {
        const { page, complaints, requests } = await browser.open(look)
        await logIn(page, token)
        await simulateCluster(page)
        for (const [view, sign] of views) {
          await show(page, view, sign)
          await checkAccessible(page, `${view} (${look})`)
        }
        const others = requests.filter((request) => !request.includes(rack.url))
        expectEqual(others.join(', '), '', 'requests to other hosts')
        expectEqual(complaints.join('\n'), '', 'complaints of the browser')
        await page.context().close()
      }
      return `${views.length * looks.length} views`
    },
  },
  {
    name: 'page: filters, keys, and the address select what the rack shows',
    limitMs: 120_000,
    async run({ browser, token }) {
      const { page } = await browser.open('light')
      await logIn(page, token)
      const rows = () => page.evaluate<number>('document.querySelectorAll("#rows .row").length')
      await page.click('[data-action=filter-state][data-value=problem]')
      await until(page, 'document.querySelectorAll("#rows .row").length === 1')
      expectMatch(await page.evaluate<string>('location.hash'), /state=problem/, 'the address')
      await page.click('[data-action=filter-state][data-value=""]')
      await page.press('body', '/')
      await page.fill('#filter-text', '172.16.0.2')
      await until(page, 'document.querySelectorAll("#rows .row").length === 3')
      await page.press('#filter-text', 'Tab')
      await page.press('body', '4')
      await page.waitForSelector('.problems')
      await page.press('body', '1')
      await page.waitForSelector('#rows')
      expect((await rows()) > 0, 'no rows after the return to the rack')
      await page.context().close()
      return undefined
    },
  },
  {
    name: 'page: the screenshots of the README',
    limitMs: 120_000,
    async run({ browser, token }) {
      await mkdir(images, { recursive: true })
      const sizes: string[] = []
      const isForReview = process.env['UPDATE'] !== '1'
      for (const [look, view] of [
        ['light', 0],
        ['dark', 1],
        ['phone', 0],
      ] as const) {
        const { page } = await browser.open(look)
        await logIn(page, token)
        const [name, sign] = views[view]
        await show(page, name, sign)
        const image = await screenshot(page)
        await writeFile(join(images, `page-${look}.webp`), image)
        sizes.push(`${look} ${Math.round(image.length / 1024)} KiB`)
        if (isForReview) await reviewViews(page, look)
        expect(image.length < 120 * 1024, `${look}: the screenshot has ${image.length} bytes`)
        await page.context().close()
      }
      return sizes.join(', ')
    },
  },
]
