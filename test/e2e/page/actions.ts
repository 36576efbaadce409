/** Checks: every action asks first, names the machine, and is done once. */
import { readFile, writeFile } from 'node:fs/promises'
import { expectEqual, expectMatch } from '../expect.ts'
import type { Check } from '../runner.ts'
import { checkAccessible, logIn, type Page, until } from './browser.ts'
import { simulateCluster, type PageRig } from './rig.ts'

/** Clicks a button, and returns the text of the question. */
async function question(page: Page, action: string): Promise<string> {
  await page.click(`#content [data-action="${action}"]`)
  await page.waitForSelector('dialog[open]')
  return (await page.textContent('dialog')) ?? ''
}

async function agree(page: Page): Promise<void> {
  await page.click('dialog button[value=act]')
  await page.waitForSelector('dialog[open]', { state: 'hidden' })
}

async function openNode(page: Page, node: string): Promise<void> {
  await page.evaluate(`location.hash = '#/node/${node}'`)
  await until(page, `document.querySelector('h1')?.textContent === '${node}'`)
  await page.waitForSelector('.actions')
}

const modeOf = ({ rack }: PageRig, node: string) =>
  rack.app.installs.list().find((each) => each.node === node)?.mode

export const actionChecks: readonly Check<PageRig>[] = [
  {
    name: 'page: arm, boot from disk, and menu ask once and name the machine',
    limitMs: 120_000,
    async run(rig) {
      const { page, complaints } = await rig.browser.open('light')
      await logIn(page, rig.token)
      await openNode(page, 'ocp45/w2')
      expectMatch(await question(page, 'local'), /Boot ocp45\/w2 from its disk\?/, 'the question')
      await checkAccessible(page, 'the question')
      await page.press('dialog', 'Escape')
      await page.waitForSelector('dialog[open]', { state: 'hidden' })
      expectEqual(modeOf(rig, 'ocp45/w2'), 'install', 'the state after Escape')

      for (const [action, mode] of [
        ['local', 'local'],
        ['menu', 'menu'],
      ] as const) {
        await question(page, action)
        await agree(page)
        await until(page, `document.querySelector('.lead .badge')?.textContent.startsWith('${mode}')`)
        expectEqual(modeOf(rig, 'ocp45/w2'), mode, 'the state')
      }
      expectMatch(await question(page, 'install'), /erases the disk of ocp45\/w2/, 'the question')
      await agree(page)
      await until(page, `document.querySelector('.lead .badge')?.textContent.startsWith('armed')`)
      expectEqual(modeOf(rig, 'ocp45/w2'), 'install', 'the state')
      expectEqual(complaints.join('\n'), '', 'complaints of the browser')
      await page.context().close()
      return undefined
    },
  },
  {
    name: 'page: an installed node is armed only after its name is typed',
    limitMs: 120_000,
    async run(rig) {
      const { page } = await rig.browser.open('phone')
      await logIn(page, rig.token)
      await openNode(page, 'ocp45/w3')
      await question(page, 'install')
      const isDisabled = () => page.evaluate<boolean>("document.querySelector('dialog [value=act]').disabled")
      expectEqual(await isDisabled(), true, 'the button before the name is typed')
      await page.fill('#dialog-typed', 'ocp45/w1')
      expectEqual(await isDisabled(), true, 'the button after another name')
      await page.fill('#dialog-typed', 'ocp45/w3')
      await agree(page)
      await until(page, `document.querySelector('.lead .badge')?.textContent.startsWith('armed')`)
      expectEqual(modeOf(rig, 'ocp45/w3'), 'install', 'the state')
      await page.context().close()
      return undefined
    },
  },
  {
    name: 'page: a reload shows the plan first; a file with an error is not served',
    limitMs: 120_000,
    async run({ browser, token, rack }) {
      const { page } = await browser.open('light')
      await logIn(page, token)
      await page.evaluate("location.hash = '#/server'")
      const before = await readFile(rack.sitePath, 'utf8')
      await writeFile(rack.sitePath, before.replace('name: w3,', 'name: w99,'))
      expectMatch(
        await question(page, 'reload'),
        /\+ node ocp45\/w99 added.*- node ocp45\/w3 removed/s,
        'the plan',
      )
      await checkAccessible(page, 'the plan')
      await agree(page)
      await page.waitForSelector('.toast')
      expectEqual(
        rack.app.plan().nodes.some(({ key }) => key === 'ocp45/w99'),
        true,
        'w99 is served',
      )
      await page.evaluate("location.hash = '#/rack'")
      await until(page, "document.body.textContent.includes('ocp45/w99')")

      await writeFile(rack.sitePath, `${before}wrong: 1\n`)
      await page.evaluate("location.hash = '#/server'")
      await page.click('[data-action=reload]')
      await page.waitForSelector('.toast.bad')
      expectMatch((await page.textContent('.toast.bad')) ?? '', /wrong: unknown key/, 'the reason')
      await writeFile(rack.sitePath, before)
      await rack.app.reload()
      await page.context().close()
      return undefined
    },
  },
  {
    name: 'page: the bootstrap is kept and watched, and the entry of an undeclared machine is copied',
    limitMs: 120_000,
    async run({ browser, token }) {
      const { page } = await browser.open('light')
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
      await logIn(page, token)
      const commands = await simulateCluster(page)
      await page.evaluate("location.hash = '#/clusters'")
      for (const action of ['bootstrap-keep', 'bootstrap-watch']) {
        expectMatch(await question(page, action), /the bootstrap of ocp45/, 'the question')
        await agree(page)
      }
      await page.waitForSelector('.toast')
      expectEqual(
        commands.join(', '),
        'POST /v1/clusters/ocp45/bootstrap/keep, POST /v1/clusters/ocp45/bootstrap/watch',
        'the commands',
      )
      await page.click('[data-action=copy]')
      await until(page, "navigator.clipboard.readText().then((text) => text.includes('csr-a'))")
      await page.context().close()
      return undefined
    },
  },
  {
    name: 'page: a user who may only read has no actions',
    limitMs: 120_000,
    async run({ browser, rack }) {
      const { page } = await browser.open('light')
      await logIn(page, await rack.token('read'))
      await page.evaluate("location.hash = '#/node/ocp45/w1'")
      await page.waitForSelector('.gantt')
      expectEqual(await page.evaluate<number>("document.querySelectorAll('.actions').length"), 0, 'actions')
      await page.context().close()
      return undefined
    },
  },
]
