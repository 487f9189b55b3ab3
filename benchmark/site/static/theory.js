// The closed forms of benchmark/theory/bounds.py, in the same words; a test holds both together.
"use strict";

const theory = {
  // D = S / m
  serviceDemandS: (serviceS, slots) => serviceS / slots,

  // The demand D of what binds: slots (null: none), or processors, of which each worker computes on one; 0: nothing
  demandS({ serviceS, slots }, { workers, cores, cpu_ms: cpuMs }) {
    const ofSlots = slots === null ? 0 : theory.serviceDemandS(serviceS, slots);
    return Math.max(ofSlots, theory.serviceDemandS(cpuMs / 1000, Math.min(workers, cores)));
  },

  // X <= min(N / (S + Z), 1 / D)
  throughputBoundRps: (users, serviceS, demandS, thinkS) => Math.min(users / (serviceS + thinkS), 1 / demandS),

  // R >= max(S, N D - Z)
  responseTimeBoundS: (users, serviceS, demandS, thinkS) => Math.max(serviceS, users * demandS - thinkS),

  // N* = (S + Z) / D
  kneeUsers: (serviceS, demandS, thinkS) => (demandS ? (serviceS + thinkS) / demandS : null),

  // The ways of serving the same tasks, and computing: service time of one request (s) and slots of all workers.
  ways({ workers, threads, task_seconds: taskS, tasks, cpu_ms: cpuMs }) {
    const inTurnS = tasks * taskS + cpuMs / 1000;
    return [
      { way: "def: in the thread pool", serviceS: inTurnS, slots: workers * threads },
      { way: "async def: awaited one by one", serviceS: inTurnS, slots: null },
      { way: "async def: asyncio.gather", serviceS: taskS + cpuMs / 1000, slots: null },
      { way: "async def that blocks", serviceS: inTurnS, slots: workers },
    ];
  },

  // What each way gives for a number of users.
  bounds(question) {
    return theory.ways(question).map(({ way, serviceS, slots }) => {
      const demandS = theory.demandS({ serviceS, slots }, question);
      return {
        way,
        users: question.users,
        slots,
        serviceS,
        demandS,
        rps: theory.throughputBoundRps(question.users, serviceS, demandS, question.rest),
        seconds: theory.responseTimeBoundS(question.users, serviceS, demandS, question.rest),
        knee: theory.kneeUsers(serviceS, demandS, question.rest),
        computes: demandS > 0 && (slots === null || demandS > theory.serviceDemandS(serviceS, slots)),
      };
    });
  },
};
