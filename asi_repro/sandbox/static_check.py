from asi_repro.errors import AsiReproError
class ProgramRefused(AsiReproError): pass
