// A visible view sends a heartbeat, or the kernel forgets it: a page that dies cannot say that its
// views are closed.
const EVERY = 30_000; // milliseconds

export function sendHeartbeats(send: () => void, signal: AbortSignal): void {
  const sendIfVisible = (): void => {
    if (!document.hidden) {
      send();
    }
  };
  const clock = setInterval(sendIfVisible, EVERY);
  document.addEventListener("visibilitychange", sendIfVisible, { signal });
  signal.addEventListener("abort", () => {
    clearInterval(clock);
  });
}
