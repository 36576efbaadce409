/** Worker thread of the lane for images. */
import { connect } from '../../host/lane/thread.ts'
import { createImageLaneLoop, type ImageLaneData, type ImageLaneReport } from './image-lane-loop.ts'

/** Each transfer has one report. */
const maxUnread = 100_000

const { port, program, report, ...shared } = await connect<ImageLaneReport>(maxUnread)
const loop = createImageLaneLoop({ ...shared, data: program as ImageLaneData, send: report })
while (loop.round());
port.close()
