// What the plugins put into the page listens to models, to the page and to the clock. All of that
// ends with it. The page and the base classes are fakes that count; the models are the real ones.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { LeaseActions } from "../src/lab/lease-actions";
import type { CurrentFlows } from "../src/lab/flows/current-flows";
import { FlowsPanel } from "../src/lab/flows/panel";
import { Leases } from "../src/lab/leases/leases";
import { Items } from "../src/lab/panel/running-items";
import { Section } from "../src/lab/panel/section";
import { Settings } from "../src/lab/settings";
import { Status } from "../src/lab/status";
import type { Resources } from "../src/lab/tokens";
import { Counted } from "./counting";
import { lease, list } from "./leases";

const page = vi.hoisted(() => {
  const counts = { observers: 0, scrolls: 0 };

  class Element {
    textContent = "";
    clientHeight = 400;
    scrollTop = 0;
    readonly style = { height: "", transform: "", top: "" };
    readonly classList = { add: () => undefined };

    append(): void {
      // nobody looks at it
    }

    remove(): void {
      // likewise
    }

    replaceChildren(): void {
      // likewise
    }

    setAttribute(): void {
      // likewise
    }

    removeAttribute(): void {
      // likewise
    }

    getAttribute(): null {
      return null;
    }

    addEventListener(type: string): void {
      counts.scrolls += Number(type === "scroll");
    }

    removeEventListener(type: string): void {
      counts.scrolls -= Number(type === "scroll");
    }
  }

  class Widget {
    readonly node = new Element();
    readonly title = {};
    readonly toolbar = { addItem: () => undefined };
    isDisposed = false;
    isVisible = true;
    enabled = true;

    addClass(): void {
      // nobody looks at it
    }

    addWidget(): void {
      // likewise
    }

    dispose(): void {
      this.isDisposed = true;
    }

    onAfterShow(): void {
      // the base class does nothing
    }

    onAfterAttach(): void {
      // likewise
    }

    onBeforeHide(): void {
      // likewise
    }

    onBeforeDetach(): void {
      // likewise
    }
  }

  class Observer {
    observe(): void {
      counts.observers += 1;
    }

    disconnect(): void {
      counts.observers -= 1;
    }
  }
  class Icon {
    readonly name = "icon";
  }
  return { counts, Element, Widget, Observer, Icon };
});

vi.mock("@lumino/widgets", () => ({ Widget: page.Widget }));
vi.mock("@jupyterlab/statusbar", () => ({ IStatusBar: null }));
vi.mock("@jupyterlab/ui-components", () => ({
  PanelWithToolbar: page.Widget,
  ToolbarButton: page.Widget,
  LabIcon: page.Icon,
}));

beforeEach(() => {
  vi.useFakeTimers();
  const createElement = (): object => new page.Element();
  vi.stubGlobal("document", { createElement, createElementNS: createElement, hidden: false });
  vi.stubGlobal("ResizeObserver", page.Observer);
  vi.stubGlobal("cancelAnimationFrame", () => undefined);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Calls what Lumino calls when a widget is put into the page. */
interface Attached {
  onAfterAttach(message: null): void;
}

test("nothing that is shown listens to anything when it is gone", () => {
  const leases = new Leases(() => 0);
  const changed = new Counted<Leases, void>(leases);
  const settings = new Settings();
  const resources = {
    leases: Object.assign(leases, { changed }),
    settings,
    difference: "",
    pathOf: () => null,
  } as unknown as Resources;
  const flowsChanged = new Counted<object, void>({});
  const flows = { changed: flowsChanged, flows: null, current: { kernel: null } };
  leases.received(list([lease({ id: "a" })]));

  const shown = [
    new Status(resources, () => undefined),
    new Section(resources, {} as unknown as LeaseActions),
    new Items(resources, {} as unknown as LeaseActions),
    new FlowsPanel(flows as unknown as CurrentFlows, () => undefined),
  ] as const;
  const [, section, , panel] = shown;
  (section as unknown as Attached).onAfterAttach(null);
  (panel as unknown as Attached).onAfterAttach(null);
  leases.received(list([lease({ id: "a" }), lease({ id: "b" })]));
  expect([changed.listeners, flowsChanged.listeners]).toEqual([3, 1]);
  expect([vi.getTimerCount(), page.counts]).toEqual([1, { observers: 1, scrolls: 1 }]);

  for (const one of shown) {
    one.dispose();
    one.dispose(); // as a parent does
  }
  expect([changed.listeners, flowsChanged.listeners]).toEqual([0, 0]);
  expect([vi.getTimerCount(), page.counts]).toEqual([0, { observers: 0, scrolls: 0 }]);
});
