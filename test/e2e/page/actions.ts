/** Checks: every action asks first, names the machine, and is done once. */
import { readFile, writeFile } from 'node:fs/promises'
import { expectEqual, expectMatch } from '../expect.ts'
import type { Check } from '../runner.ts'
import { checkAccessible, logIn, type Page, until } from './browser.ts'
import { simulateBmc, simulateCluster, type PageRig } from './rig.ts'

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
    name: 'page: the bootstrap is kept, watched, and drained, and a certificate request is approved after its reason is shown',
    limitMs: 120_000,
    async run({ browser, token }) {
      const { page } = await browser.open('light')
      await logIn(page, token)
      const commands = await simulateCluster(page)
      await page.evaluate("location.hash = '#/clusters'")
      for (const action of ['bootstrap-keep', 'bootstrap-watch', 'bootstrap-out']) {
        await page.waitForSelector(`#content [data-action=${action}]`)
        expectMatch(await question(page, action), /the bootstrap of ocp45/, 'the question')
        await agree(page)
      }
      expectMatch(
        await question(page, 'approve'),
        /Approve csr-a of ocp45\?.*no node w9.* is declared.*system:node:w9/s,
        'the question',
      )
      await checkAccessible(page, 'the approval')
      await agree(page)
      await until(page, "document.querySelector('.toasts').textContent.includes('csr-a is approved')")
      expectEqual(
        commands.join(', '),
        ['bootstrap/keep', 'bootstrap/watch', 'bootstrap/out', 'csrs/csr-a/approve']
          .map((command) => `POST /v1/clusters/ocp45/${command}`)
          .join(', '),
        'the commands',
      )
      await page.context().close()
      return undefined
    },
  },
  {
    name: 'page: a node is drained and enabled again; the log has the user',
    limitMs: 120_000,
    async run(rig) {
      const { page } = await rig.browser.open('light')
      await logIn(page, rig.token)
      await openNode(page, 'ocp45/m2')
      expectMatch(await question(page, 'drain'), /Drain ocp45\/m2\?/, 'the question')
      await agree(page)
      await until(
        page,
        "document.querySelector('.lead .facts').textContent.includes('drained by token:alice')",
      )
      expectMatch(rig.server.tail(400), /"command":"drain","user":"token:alice"/, 'the log')
      // The node stays drained.
      await rig.rack.stop()
      await rig.rack.start()
      await page.reload()
      await openNode(page, 'ocp45/m2')
      await until(
        page,
        "document.querySelector('.lead .facts').textContent.includes('drained by token:alice')",
      )
      expectMatch(await question(page, 'enable'), /ocp45\/m2 again\?/, 'the question')
      await agree(page)
      await page.waitForSelector('#content [data-action=drain]')
      await page.context().close()
      return undefined
    },
  },
  {
    name: 'page: a node with a BMC is switched off and on, and installed after its name is typed',
    limitMs: 120_000,
    async run({ browser, token }) {
      const { page } = await browser.open('light')
      await logIn(page, token)
      const commands = await simulateBmc(page)
      await openNode(page, 'ocp45/w3')
      await page.waitForSelector('#content [data-action=power-cycle]')
      await checkAccessible(page, 'the power of a node')
      for (const action of ['power-cycle', 'power-off', 'power-on', 'power-force-off', 'power-on']) {
        await page.waitForSelector(`#content [data-action=${action}]`)
        expectMatch(await question(page, action), /ocp45\/w3\?/, 'the question')
        await agree(page)
      }
      expectMatch(await question(page, 'install-now'), /Install ocp45.w3 now.*Type/s, 'the question')
      await page.fill('#dialog-typed', 'ocp45/w3')
      await agree(page)
      await until(page, "document.querySelector('.toasts').textContent.includes('armed and restarted')")
      const sent = [
        'power/cycle',
        'power/off',
        'power/on',
        'power/force-off',
        'power/on',
        'install?power=true',
      ]
      expectEqual(commands.join(' '), sent.map((command) => `ocp45/w3/${command}`).join(' '), 'commands')
      await page.context().close()
      return undefined
    },
  },
  {
    name: 'page: an undeclared machine is adopted: the entry and the plan first, then the site file and a reload',
    limitMs: 120_000,
    async run({ browser, rack }) {
      const { page } = await browser.open('light')
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
      // A machine repeats its request, too.
      const repeated = setInterval(() => void rack.discover('00:50:56:96:77:01'), 1000)
      await logIn(page, await rack.token('admin'))
      await page.evaluate("location.hash = '#/network'")
      const before = await readFile(rack.sitePath, 'utf8')
      await page.waitForSelector('#content [data-action=adopt]').finally(() => clearInterval(repeated))
      await page.click('#content [data-action=copy]')
      await until(page, "navigator.clipboard.readText().then((text) => text.includes('00:50:56:96:77:01'))")
      expectMatch(await question(page, 'adopt'), /Add 00:50:56:96:77:01 to the site file\?/, 'the form')
      await checkAccessible(page, 'the form')
      await page.fill('#adopt-name', 'w77')
      await page.fill('#adopt-address', '172.16.0.21')
      await page.click('dialog button[value=act]')
      await page.waitForSelector('dialog [role=alert]')
      expectMatch((await page.textContent('dialog')) ?? '', /expected a unique address/, 'the reason')
      await page.fill('#adopt-address', '172.16.0.77')
      await page.click('dialog button[value=act]')
      await page.waitForSelector('dialog .changes')
      expectMatch((await page.textContent('dialog')) ?? '', /name: w77.*\+ node ocp45\/w77/s, 'the plan')
      await checkAccessible(page, 'the plan')
      expectEqual(await readFile(rack.sitePath, 'utf8'), before, 'the site file before the confirmation')
      await agree(page)
      await until(page, "document.querySelector('.toasts').textContent.includes('ocp45/w77 is declared')")
      expectMatch(await readFile(rack.sitePath, 'utf8'), /name: w77, .*00:50:56:96:77:01/, 'the site file')
      expectEqual(
        rack.app.plan().nodes.some(({ key }) => key === 'ocp45/w77'),
        true,
        'w77 is served',
      )
      await page.evaluate("location.hash = '#/server'")
      await until(page, "document.querySelector('#content').textContent.includes('bob')")
      await writeFile(rack.sitePath, before)
      await rack.app.reload()
      await page.context().close()
      return undefined
    },
  },
  {
    name: 'page: a machine is adopted into a group, where it has no role',
    limitMs: 120_000,
    async run({ browser, rack }) {
      const before = await readFile(rack.sitePath, 'utf8')
      const image = before.replace(
        /^images:\n/m,
        (line) => `${line}  debian-12: { dir: debian, os: debian }\n`,
      )
      const group = '{ name: web, domain: example.net, image: debian-12, answers: preseed.cfg, disk: /dev/sda'
      const web1 = 'nodes: [{ name: web1, mac: "00:50:56:96:77:10", address: 172.16.0.78 }] }'
      await writeFile(rack.sitePath, `${image}\ngroups:\n  - ${group}, ${web1}\n`)
      await rack.app.reload()
      const { page } = await browser.open('light')
      const repeated = setInterval(() => void rack.discover('00:50:56:96:77:02'), 1000)
      await logIn(page, await rack.token('admin'))
      await page.evaluate("location.hash = '#/network'")
      const mac = '00:50:56:96:77:02'
      await page
        .waitForSelector(`#content [data-action=adopt][data-mac="${mac}"]`)
        .finally(() => clearInterval(repeated))
      await page.click(`#content [data-action=adopt][data-mac="${mac}"]`)
      await page.waitForSelector('#adopt-role')
      await page.selectOption('#adopt-cluster', 'web')
      await page.waitForSelector('#adopt-role', { state: 'hidden' })
      await checkAccessible(page, 'the form')
      await page.fill('#adopt-name', 'web2')
      await page.fill('#adopt-address', '172.16.0.79')
      await page.click('dialog button[value=act]')
      await page.waitForSelector('dialog .changes')
      await agree(page)
      await until(page, "document.querySelector('.toasts').textContent.includes('web/web2 is declared')")
      const text = await readFile(rack.sitePath, 'utf8')
      expectMatch(
        text,
        /\{ name: web2, mac: "00:50:56:96:77:02", address: 172\.16\.0\.79 \}/,
        'the site file',
      )
      await writeFile(rack.sitePath, before)
      await rack.app.reload()
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
