import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { ImagesWorld } from '../../../../src/cli/commands/images/call.ts'
import { images, runImages } from '../../../../src/cli/commands/images/images.ts'
import { UsageError } from '../../../../src/cli/command.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import { golden } from '../../../support/golden.ts'
import { createSigners, noGnupg } from '../../../support/openpgp.ts'
import { fileServer, liveFiles, liveNames, streamDocument } from '../../../support/release.ts'
import { keptTerminal } from '../../../support/terminal.ts'

async function* nothing(): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(new Uint8Array(0))
}

async function prepare(t: Test) {
  const server = await fileServer(t, { ...liveFiles('x86_64'), ...liveFiles('aarch64') })
  const document = JSON.stringify(streamDocument(server.base, ['x86_64', 'aarch64']))
  server.files.set('/stream.json', Buffer.from(document))
  const dir = t.testdir({ 'stream.json': document })
  const world: ImagesWorld = { clock: fakeClock(), environment: { STATE_DIRECTORY: dir }, stdin: nothing() }
  const run = async (args: readonly string[], change: Partial<ImagesWorld> = {}) => {
    const terminal = keptTerminal()
    const code = await runImages(args, terminal, { ...world, ...change })
    const text = (lines: readonly string[]) =>
      lines.join('\n').replaceAll(dir, 'DIR').replaceAll(server.base, 'BASE')
    return { code, out: text(terminal.outLines), err: text(terminal.errLines) }
  }
  return { server, dir, run, document }
}

t.test('a release is added only if its signatures match the given key', { skip: noGnupg }, async (t) => {
  const { server, dir, run } = await prepare(t)
  const [publisher, other] = createSigners(t, ['publisher', 'other'])
  writeFileSync(`${dir}/publisher.asc`, publisher.armored)
  writeFileSync(`${dir}/other.asc`, other.armored)
  const add = ['add', '--name', 'rhcos', `${dir}/stream.json`]
  t.match(await run([...add, '--key', `${dir}/publisher.asc`]), {
    code: 1,
    err: /^slipway images: signatures not verified: the release has no signature of rhcos-/,
  })
  t.notOk(existsSync(`${dir}/images/rhcos`))
  for (const [path, content] of Object.entries(liveFiles('x86_64'))) {
    server.files.set(`${path}.sig`, publisher.sign(content))
  }
  t.match(await run([...add, '--key', `${dir}/other.asc`]), {
    code: 1,
    err: /signed with the key \S+, which is not/,
  })
  t.match(await run([...add, '--key', `${dir}/publisher.asc`]), { code: 0 })
  const verify = (...args: string[]) => run(['verify', ...args])
  t.match(await verify('--key', `${dir}/publisher.asc`), {
    code: 0,
    out: new RegExp(`rhcos is intact, signed with ${publisher.fingerprint}$`),
  })
  t.match(await verify(), { code: 0, out: /signatures not verified/ })
  t.match(await verify('--key', `${dir}/other.asc`), { code: 1, out: /signatures not verified/ })

  const manifest = `${dir}/images/rhcos/.slipway-image.json`
  const text = JSON.parse(readFileSync(manifest, 'utf8')) as { files: { signature: string }[] }
  const [first, second] = text.files as [{ signature: string }, { signature: string }]
  ;[first.signature, second.signature] = [second.signature, first.signature]
  writeFileSync(manifest, JSON.stringify(text))
  t.match(await verify('--key', `${dir}/publisher.asc`), {
    code: 1,
    out: /rhcos is intact, but its signature is wrong$/,
    err: /^rhcos is not authentic: DIR\/images\/rhcos\/\S+ does not match its signature\n/,
  })
  const [path = ''] = Object.keys(liveFiles('x86_64'))
  server.files.set(`${path}.sig`, publisher.sign('another file'))
  t.match(await run(['add', '--name', 'forged', '--key', `${dir}/publisher.asc`, `${dir}/stream.json`]), {
    code: 1,
    err: /does not match its signature: do not boot this image$/,
  })
})

const name = 'rhcos-417.94.202410090854-0'

t.test('downloads the images of a stream document and prints the lines for the site file', async (t) => {
  const { server, dir, run, document } = await prepare(t)
  const added = await run(['add', `${server.base}/stream.json`])
  t.equal(added.code, 0)
  const files = [...added.out.split('\n')].slice(0, 7)
  t.same(files.filter((line) => line.endsWith(' verified')).sort(), [
    `${liveNames.initramfs}: 4.1 KiB verified`,
    `${liveNames.kernel}: 3.5 KiB verified`,
    `${liveNames.rootfs}: 3.5 KiB verified`,
  ])
  t.match(added.out, `\n\nLines for the site file:\n\nimages:\n  ${name}: { dir: DIR/images/${name} }`)
  t.same(readdirSync(`${dir}/images/${name}`).length, 4)

  async function* stdin() {
    yield await Promise.resolve(Buffer.from(document))
  }
  const again = await run(['add', '-'], { stdin: stdin() })
  t.match(again, { code: 0, out: new RegExp(`^${name} already exists\n`) })
  const both = await run([
    'add',
    '--arch',
    'x86_64',
    '--arch',
    'aarch64',
    '--name',
    'rhcos',
    '--iso',
    '--metal',
    `${dir}/stream.json`,
  ])
  t.match(
    both.out,
    '  rhcos-x86_64: { dir: DIR/images/rhcos-x86_64 }\n  rhcos-aarch64: { dir: DIR/images/rhcos-aarch64, architecture: aarch64 }',
  )
  t.same(readdirSync(`${dir}/images/rhcos-aarch64`).length, 6)
})

t.test('images for a site without internet access: list, export, import, verify, remove', async (t) => {
  const { dir, run } = await prepare(t)
  t.match(await run(['list']), { code: 0, out: 'no images in DIR/images' })
  await run(['add', '--name', 'rhcos', `${dir}/stream.json`])
  mkdirSync(`${dir}/images/hand`)
  writeFileSync(`${dir}/images/hand/agent.x86_64-initrd.img`, 'initrd')
  mkdirSync(`${dir}/images/.begun.unfinished`)
  writeFileSync(`${dir}/images/.begun.unfinished/.kernel.part`, 'half')
  const site = `site: lab
server: { address: 127.0.0.1 }
subnets: [{ cidr: 192.0.2.0/24 }]
images: { rhcos-4.17: { dir: images/rhcos } }
`
  writeFileSync(`${dir}/site.yaml`, site)
  const listed = await run(['list', '--site', `${dir}/site.yaml`])
  golden(t, 'images/list.txt', `${listed.out.replaceAll(/\d{4}-\d\d-\d\d, by hand/g, 'DAY, by hand')}\n`)
  const json = JSON.parse((await run(['list', '--json'])).out) as { images: object[] }
  t.match(json.images, [
    { name: 'hand', byHand: true, style: 'agent' },
    { name: 'rhcos', release: '417.94.202410090854-0' },
  ])

  const packed = await run(['export', 'rhcos', 'hand', `${dir}/images.tar`])
  t.match(packed, {
    code: 0,
    err: 'the archive contains private keys of a cluster; only its owner can read it',
  })
  t.match(packed.out, /DIR\/images\.tar: \d+\.\d KiB; unpack it with "slipway images import"$/)
  const unpacked = await run(['import', '--dir', `${dir}/elsewhere`, `${dir}/images.tar`])
  t.match(unpacked, {
    code: 0,
    out: /rhcos imported into DIR\/elsewhere\nhand imported into DIR\/elsewhere$/,
  })
  async function* stdin() {
    yield await Promise.resolve(readFileSync(`${dir}/images.tar`))
  }
  t.match(await run(['import', '--dir', `${dir}/elsewhere`, '-'], { stdin: stdin() }), {
    out: 'rhcos already exists\nhand already exists',
  })

  t.match(await run(['verify']), {
    code: 0,
    out: /hand was copied there by hand: its checksums are unknown\nrhcos is intact, signatures not verified: the release has no signature of rhcos-\S+$/,
  })
  writeFileSync(`${dir}/elsewhere/rhcos/${liveNames.kernel}`, 'kernel')
  const damaged = await run(['verify', '--dir', `${dir}/elsewhere`, 'rhcos'])
  t.match(damaged, {
    code: 1,
    err: `rhcos is damaged: DIR/elsewhere/rhcos/${liveNames.kernel} has 6 bytes, expected 3600\nnext: add rhcos again with "slipway images add"`,
  })
  t.match(JSON.parse((await run(['verify', '--json', '--dir', `${dir}/elsewhere`])).out), [
    { name: 'hand', kind: 'whole' },
    { name: 'rhcos', kind: 'damaged' },
  ])

  const remove = ['remove', '--site', `${dir}/site.yaml`]
  t.match(await run([...remove, 'hand', 'rhcos']), {
    code: 1,
    err: 'slipway images: the site uses rhcos as rhcos-4.17; --force removes it anyway',
  })
  t.equal(existsSync(`${dir}/images/hand`), true, 'all or none')
  t.match(await run([...remove, '--force', 'rhcos', 'begun']), {
    code: 0,
    out: 'rhcos removed\nbegun removed',
  })
  t.match(await run(['remove', 'hand']), { code: 0 })
  t.same(readdirSync(`${dir}/images`), [])
})

t.test('an operation that fails: exit code 1 and the reason', async (t) => {
  const { dir, run } = await prepare(t)
  writeFileSync(`${dir}/file`, 'not a store')
  writeFileSync(`${dir}/site.yaml`, 'site: x\n')
  const cases = [
    {
      args: ['add', `${dir}/none.json`],
      err: /^slipway images: cannot read the stream document DIR\/none\.json: it does not exist; check the path/,
    },
    {
      args: ['add', 'http://127.0.0.1:1/x'],
      err: /^slipway images: cannot read the stream document .*ECONNREFUSED/,
    },
    { args: ['add', `${dir}/site.yaml`], err: /^slipway images: this is not a stream document/ },
    {
      args: ['add', '--name', '..', `${dir}/stream.json`],
      err: 'slipway images: ".." is not a valid image name',
    },
    {
      args: ['add', '--dir', `${dir}/file/x`, `${dir}/stream.json`],
      err: /^slipway images: cannot write DIR\/file\/x: /,
    },
    {
      args: ['list', '--dir', `${dir}/file`],
      err: /^slipway images: cannot read DIR\/file: a part of the path is a file/,
    },
    { args: ['list', '--site', `${dir}/site.yaml`], err: /^slipway images: DIR\/site\.yaml:1:1 / },
    {
      args: ['verify', 'none'],
      err: 'slipway images: none is not in DIR/images, which is empty: add it with "slipway images add"',
    },
    { args: ['remove', 'none'], err: 'slipway images: DIR/images does not contain none' },
    { args: ['export', 'none', `${dir}/x.tar`], err: 'slipway images: none is not in' },
    {
      args: ['import', `${dir}/none.tar`],
      err: 'slipway images: cannot read DIR/none.tar: it does not exist; check the path',
    },
    {
      args: ['import', `${dir}/site.yaml`],
      err: 'slipway images: the archive is incomplete: it ends too early; export the images again, and compare the size of the copy',
    },
  ]
  for (const { args, err } of cases) t.match(await run(args), { code: 1, err }, args.join(' '))
  const json = await run(['verify', '--json', 'none'])
  t.equal(json.code, 1)
  t.match(JSON.parse(json.out), {
    code: 'image.not-stored',
    error: 'none is not in DIR/images, which is empty',
  })
  const proxy = await run(['add', 'http://x/'], { environment: { HTTP_PROXY: 'http://[' } })
  t.match(proxy, { code: 1, err: /^slipway images: invalid proxy in HTTP_PROXY or HTTPS_PROXY: / })
})

t.test('an invalid command line is refused', async (t) => {
  const { run } = await prepare(t)
  const cases = [
    { args: [], message: 'expected one of add, list, verify, remove, export, import' },
    { args: ['lst'], message: 'unknown command "lst" (did you mean list?)' },
    { args: ['toString'], message: 'unknown command "toString"' },
    { args: ['list', '--iso'], message: '--iso does not apply to list' },
    { args: ['list', 'x'], message: 'expected no arguments' },
    { args: ['add'], message: 'expected one stream document' },
    {
      args: ['add', '--arch', 'riscv64', 'x'],
      message: '--arch: expected one of x86_64, aarch64, ppc64le, s390x',
    },
    { args: ['remove'], message: 'expected the names of images' },
    { args: ['export', 'x'], message: 'expected the names of images, then a file' },
    { args: ['import'], message: 'expected one archive' },
  ]
  for (const { args, message } of cases) await t.rejects(run(args), new UsageError(message))
  await t.rejects(images.run(['list', '--none'], keptTerminal()), { code: 'ERR_PARSE_ARGS_UNKNOWN_OPTION' })
})
