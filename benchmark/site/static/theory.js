// The closed forms of benchmark/theory/bounds.py, in the same words; a test holds both together.
"use strict";

const theory = {
  // D = S / m
  serviceDemandS: (serviceS, slots) => serviceS / slots,

  // X <= min(N / (S + Z), m / S); slots null: nothing to queue for
  throughputBoundRps(users, serviceS, slots = null, thinkS = 0) {
    const offered = users / (serviceS + thinkS);
    return slots === null ? offered : Math.min(offered, 1 / theory.serviceDemandS(serviceS, slots));
  },

  // R >= max(S, N D - Z)
  responseTimeBoundS(users, serviceS, slots = null, thinkS = 0) {
    return slots === null ? serviceS : Math.max(serviceS, users * theory.serviceDemandS(serviceS, slots) - thinkS);
  },

  // N* = (S + Z) / D
  kneeUsers: (serviceS, slots, thinkS = 0) => (serviceS + thinkS) / theory.serviceDemandS(serviceS, slots),

  // The ways of serving the same tasks: service time of one request (s) and slots of all workers.
  ways({ workers, threads, task_seconds: taskS, tasks }) {
    return [
      { way: "def: in the thread pool", serviceS: tasks * taskS, slots: workers * threads },
      { way: "async def: awaited one by one", serviceS: tasks * taskS, slots: null },
      { way: "async def: asyncio.gather", serviceS: taskS, slots: null },
      { way: "async def that blocks", serviceS: tasks * taskS, slots: workers },
    ];
  },

  // What each way gives for a number of users.
  bounds(question) {
    return theory.ways(question).map(({ way, serviceS, slots }) => ({
      way,
      users: question.users,
      slots,
      serviceS,
      rps: theory.throughputBoundRps(question.users, serviceS, slots, question.rest),
      seconds: theory.responseTimeBoundS(question.users, serviceS, slots, question.rest),
      knee: slots === null ? null : theory.kneeUsers(serviceS, slots, question.rest),
    }));
  },
};
