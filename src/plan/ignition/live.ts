/**
 * The Ignition file of the live system that runs coreos-installer (`ignition.config.url=` with `ignition.firstboot
 * ignition.platform.id=metal`), not of the one that it installs: it tells slipway how the installation ended.
 */
import { renderFailedUnits, renderWrittenUnit } from './units.ts'

export function renderLiveIgnition(options: {
  /** Where `POST` says that the disk is written. */
  readonly writtenUrl: string
  /** Where `POST` says that the installer failed. */
  readonly failedUrl: string
  /** Of the role's file: it is of the same release as the live system. */
  readonly version: string
}): string {
  const { writtenUrl, failedUrl, version } = options
  return JSON.stringify({
    ignition: { version },
    systemd: { units: [renderWrittenUnit(writtenUrl), ...renderFailedUnits(failedUrl)] },
  })
}
