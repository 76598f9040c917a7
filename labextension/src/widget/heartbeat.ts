// A view speaks up from time to time while it can be seen, or the kernel forgets it: a page that
// dies says nothing.
const EVERY = 30_000; // milliseconds

export function sendHeartbeats(speak: () => void, signal: AbortSignal): void {
  const speakIfSeen = (): void => {
    if (!document.hidden) {
      speak();
    }
  };
  const clock = setInterval(speakIfSeen, EVERY);
  document.addEventListener("visibilitychange", speakIfSeen, { signal });
  signal.addEventListener("abort", () => {
    clearInterval(clock);
  });
}
