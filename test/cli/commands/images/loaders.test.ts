import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { runImages } from '../../../../src/cli/commands/images/images.ts'
import { UsageError } from '../../../../src/cli/command.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import { buildFat, buildIso } from '../../../support/iso.ts'
import { peImage, signature } from '../../../support/pe.ts'
import { keptTerminal } from '../../../support/terminal.ts'

const efi = buildFat({
  'efi/redhat/shimx64.efi': peImage([signature('Microsoft UEFI CA 2023')]),
  'efi/redhat/grubx64.efi': Buffer.from('MZ'),
})
const iso = buildIso({ 'images/efiboot.img': efi })

function prepare(t: Test) {
  const dir = t.testdir()
  mkdirSync(`${dir}/images/rhcos`, { recursive: true })
  async function* stdin(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(new Uint8Array(0))
  }
  const run = async (...args: string[]) => {
    const terminal = keptTerminal()
    const world = { clock: fakeClock(), environment: { STATE_DIRECTORY: dir }, stdin: stdin() }
    const code = await runImages(['loaders', ...args], terminal, world)
    return { code, out: terminal.outLines.join('\n'), err: terminal.errLines.join('\n') }
  }
  return { dir, run }
}

t.test('the loaders of an ISO are copied into the image', async (t) => {
  const { dir, run } = prepare(t)
  writeFileSync(`${dir}/live.iso`, iso)
  const { code, out } = await run('rhcos', `${dir}/live.iso`)
  t.equal(code, 0)
  t.match(out, /rhcos: copied shimx64\.efi, grubx64\.efi \(EFI\/redhat\)/)
  t.match(out, /^shimx64\.efi: signed by Microsoft UEFI CA 2023$/m)
  t.equal(existsSync(`${dir}/images/rhcos/grubx64.efi`), true)
})

t.test('without a name, the ISO of the image is used', async (t) => {
  const { dir, run } = prepare(t)
  t.match(await run('rhcos'), { code: 1, err: /has no ISO: name the live ISO/ })
  writeFileSync(`${dir}/images/rhcos/rhcos-live.x86_64.iso`, iso)
  t.match(await run('rhcos'), { code: 0 })
  writeFileSync(`${dir}/images/rhcos/other.iso`, iso)
  t.match(await run('rhcos'), { code: 1, err: /has several ISOs/ })
})

t.test('wrong arguments', async (t) => {
  const { run } = prepare(t)
  await t.rejects(run(), UsageError)
  await t.rejects(run('rhcos', 'a', 'b'), UsageError)
  t.match(await run('none'), { code: 1 })
})
