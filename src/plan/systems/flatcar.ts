/**
 * The Ignition file of Flatcar's live system, which installs Flatcar with flatcar-install after the disk check, and reports the
 * end. Ignition of Flatcar reads version 3.0 since 3033; this file needs no later one. Pure.
 */
import { dataUrl } from '../ignition/document.ts'
import { lines } from '../ignition/units.ts'
import { renderSystemScript } from './script.ts'

const folder = '/opt/slipway'

type FlatcarOptions = {
  /** URL of the node's callbacks, without the last segment. */
  readonly url: string
  /** URL of the Ignition file for the installed system. */
  readonly ignitionUrl: string
  readonly disk?: string | undefined
  /** URL of the disk image; without it, flatcar-install downloads the image of the live release. */
  readonly imageUrl?: string | undefined
}

export function renderFlatcarLive({ url, ignitionUrl, disk = '', imageUrl }: FlatcarOptions): string {
  const get = (file: string, from: string) =>
    `curl --fail --silent --show-error --noproxy '*' --retry 5 --output ${file} '${from}'`
  const install = lines([
    '#!/bin/bash',
    'set -eu',
    `trap 'sh ${folder}/slipway.sh failed' ERR`,
    `sh ${folder}/slipway.sh disk`,
    `mkdir -p /run/slipway`,
    get('/run/slipway/config.ign', ignitionUrl),
    ...(imageUrl === undefined
      ? [`flatcar-install -d '${disk}' -i /run/slipway/config.ign`]
      : [
          get('/run/slipway/image.bz2', imageUrl),
          `flatcar-install -d '${disk}' -i /run/slipway/config.ign -f /run/slipway/image.bz2`,
        ]),
    `sh ${folder}/slipway.sh written`,
    'systemctl reboot',
  ])
  const file = (name: string, text: string) => ({
    path: `${folder}/${name}`,
    overwrite: true,
    mode: 0o755,
    contents: { source: dataUrl(new TextEncoder().encode(text)) },
  })
  return JSON.stringify({
    ignition: { version: '3.0.0' },
    storage: { files: [file('slipway.sh', renderSystemScript({ url, disk })), file('install', install)] },
    systemd: { units: [{ name: 'slipway-install.service', enabled: true, contents: unit }] },
  })
}

const unit = lines([
  '[Unit]',
  'Description=Install Flatcar on the disk, and report it to slipway',
  'Wants=network-online.target',
  'After=network-online.target',
  '',
  '[Service]',
  'Type=oneshot',
  `ExecStart=${folder}/install`,
  'TimeoutStartSec=infinity',
  'StandardOutput=journal+console',
  'StandardError=journal+console',
  '',
  '[Install]',
  'WantedBy=multi-user.target',
])
