import { utimesSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Plan } from '../../../src/plan/compile.ts'
import { imageReports } from '../../../src/serve/page/images.ts'

t.test('an image has its files, size, age, and the number of its nodes', async (t) => {
  const dir = t.testdir({ kernel: '12345', rootfs: '1234567890' })
  utimesSync(join(dir, 'kernel'), 1000, 1000)
  utimesSync(join(dir, 'rootfs'), 2000, 2000)
  const files = new Map([
    ['kernel', 'kernel'],
    ['rootfs', 'rootfs'],
    ['initramfs', 'initramfs'],
  ])
  const plan = {
    http: {
      images: new Map([
        ['rhcos', { dir, files }],
        ['other', { dir: join(dir, 'none'), files }],
      ]),
    },
    nodes: [{ image: 'rhcos' }, { image: 'rhcos' }],
  } as unknown as Plan
  t.same(await imageReports(plan), [
    { name: 'rhcos', directory: dir, files: [...files.keys()], bytes: 15, changedAt: 2_000_000, nodes: 2 },
    { name: 'other', directory: join(dir, 'none'), files: [...files.keys()], bytes: 0, nodes: 0 },
  ])
})
