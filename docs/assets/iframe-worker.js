// Browsers start no worker from a file. There, the worker of the search runs in a hidden frame, so that the site can be
// searched when it is opened by a double click; over HTTP nothing changes.
if (location.protocol === "file:") {
  class FrameWorker extends EventTarget {
    constructor(url) {
      super()
      this.ready = new Promise((resolve) => {
        const start = () => {
          const frame = document.createElement("iframe")
          frame.hidden = true
          document.body.append(frame)
          const inside = frame.contentWindow
          // What the worker sends, and scripts that it loads: as a worker has them.
          inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }))
          const load = (source) =>
            new Promise((loaded, failed) => {
              const script = inside.document.createElement("script")
              Object.assign(script, { src: source, onload: loaded, onerror: failed })
              inside.document.body.append(script)
            })
          inside.importScripts = (...sources) =>
            sources.reduce((before, source) => before.then(() => load(source)), Promise.resolve())
          resolve(load(url).then(() => inside))
        }
        if (document.body) start()
        else addEventListener("DOMContentLoaded", start)
      })
    }

    postMessage(data) {
      this.ready.then((inside) => inside.dispatchEvent(new inside.MessageEvent("message", { data })))
    }

    terminate() {}
  }
  window.IFrameWorker = window.Worker = FrameWorker
}
