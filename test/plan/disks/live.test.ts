import t from 'tap'
import { liveDisks } from '../../../src/plan/disks/live.ts'
import { renderLiveIgnition } from '../../../src/plan/ignition/document.ts'

const urls = { writtenUrl: 'http://h/w', failedUrl: 'http://h/f', diskUrl: 'http://h/d', version: '3.2.0' }

t.test('the live system knows the other disks of a mirror, and the arguments for multipath', (t) => {
  t.same(liveDisks({ disk: { kind: 'path', path: '/dev/sda' } }), {})
  t.same(liveDisks({ disk: { kind: 'mirror', paths: ['/dev/sda', '/dev/sdb'] } }), {
    otherDisks: ['/dev/sdb'],
  })
  const { installerConfig } = liveDisks({ multipath: true })
  const { storage } = JSON.parse(renderLiveIgnition({ ...urls, ...liveDisks({ multipath: true }) })) as {
    storage: { files: { path: string; contents: { source: string } }[] }
  }
  const [, file] = storage.files
  t.equal(file?.path, '/etc/coreos/installer.d/slipway.yaml')
  t.equal(Buffer.from(file!.contents.source.split(',')[1]!, 'base64').toString(), installerConfig)
  t.equal(
    installerConfig,
    'append-karg:\n  - rd.multipath=default\n  - root=/dev/disk/by-label/dm-mpath-root\n  - rw\n',
  )
  t.end()
})
